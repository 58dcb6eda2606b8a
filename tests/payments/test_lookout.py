"""A fork that was seen is not forgotten because something else broke off the look."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from payments.chains import Block, ChainUnavailable
from payments.relaying import watching
from payments.settling.lookout import Lookout
from tests.fixtures.purchases import NETWORK

FINAL = "finalized"


def block(number: int, branch: bytes) -> Block:
    return Block(number, branch * 32, 0, 0)


class Scene:
    """A lookout over a chain in the test's hand; `looked`: from where payments were looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.blocks = {number: block(number, b"a") for number in range(1, 5)}
        self.breaks: set[str] = set()
        self.looked: list[int] = []
        desk: Any = SimpleNamespace(
            terms=SimpleNamespace(network=NETWORK), chain=SimpleNamespace(block=self._block)
        )
        self.lookout = Lookout(desk)
        monkeypatch.setattr(self.lookout, "look_above", self._look_above)
        monkeypatch.setattr(watching, "watch", self._watch)
        monkeypatch.setattr(watching, "finish", self._finish)

    async def see(self, number: int) -> None:
        await self.lookout._watch(self.blocks[number])

    def fork(self, number: int) -> None:
        self.blocks |= {n: block(n, b"b") for n in self.blocks if n >= number}

    async def _block(self, which: int | str) -> Block | None:
        self._break("final" if which == FINAL else "block")
        return self.blocks[1] if which == FINAL else self.blocks.get(int(which))

    async def _look_above(self, number: int) -> None:
        self._break("database")
        self.looked.append(number)

    async def _watch(self, *_: Any) -> bool:
        self._break("receipts")
        return False

    async def _finish(self, *_: Any) -> None:
        self._break("finish")

    def _break(self, what: str) -> None:
        if what in self.breaks:
            raise ChainUnavailable(what)


@pytest.mark.parametrize("what", ["final", "block", "database", "receipts", "finish"])
async def test_a_look_that_breaks_off_finds_the_fork_again(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    scene = Scene(monkeypatch)
    for number in (1, 2, 3):
        await scene.see(number)
    scene.fork(2)
    scene.breaks = {what}
    with pytest.raises(ChainUnavailable):
        await scene.see(4)
    scene.breaks, scene.looked = set(), []
    await scene.see(4)
    assert scene.looked == [2]


async def test_a_fork_that_was_seen_to_is_one_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    for number in (1, 2, 3):
        await scene.see(number)
    scene.fork(3)
    await scene.see(4)
    await scene.see(4)
    assert scene.looked == [3]
