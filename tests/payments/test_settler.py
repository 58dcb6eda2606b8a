"""Whom a new block paid is seen to at once: neither side of the settler's work waits needlessly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from payments import settlement
from payments.lookout import Lookout
from payments.settler import Settler
from tests.fixtures.purchases import NETWORK


class Scene:
    """A settler at work, with both of its sides in the test's hand: each stays until let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heads: asyncio.Queue[int] = asyncio.Queue()
        self.seeing: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.settling: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        monkeypatch.setattr(Lookout, "_look", self._see)
        monkeypatch.setattr(settlement, "look", self._settle)
        desk: Any = SimpleNamespace(
            terms=SimpleNamespace(network=NETWORK), chain=SimpleNamespace(heads=self._heads)
        )
        self.settler = Settler(desk)
        self.running = asyncio.create_task(self.settler.run())

    async def _heads(self) -> AsyncIterator[int]:
        while True:
            yield await self.heads.get()

    async def _see(self) -> None:
        self.settler._lookout.sees = True
        await self._stay(self.seeing)

    async def _settle(self, *_: Any) -> int:
        await self._stay(self.settling)
        return 0

    async def _stay(self, place: asyncio.Queue[asyncio.Event]) -> None:
        free = asyncio.Event()
        place.put_nowait(free)
        await free.wait()


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    scene = Scene(monkeypatch)
    yield scene
    scene.running.cancel()
    await asyncio.gather(scene.running, return_exceptions=True)


async def begun(place: asyncio.Queue[asyncio.Event]) -> asyncio.Event:
    async with asyncio.timeout(20):
        return await place.get()


async def turns() -> None:
    """So many turns of the loop that whatever could happen by itself has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_new_head_is_seen_to_while_something_is_being_sent(scene: Scene) -> None:
    (await begun(scene.seeing)).set()
    sending = await begun(scene.settling)
    scene.heads.put_nowait(1)
    await begun(scene.seeing)
    assert not sending.is_set()


async def test_nothing_new_is_begun_before_the_head_is_seen_to(scene: Scene) -> None:
    (await begun(scene.seeing)).set()
    sending = await begun(scene.settling)
    scene.heads.put_nowait(1)
    seen = await begun(scene.seeing)
    sending.set()
    scene.settler.wake()
    await turns()
    assert scene.settling.empty()
    seen.set()
    await begun(scene.settling)


async def test_a_settler_that_is_told_to_stop_finishes_what_is_under_way(scene: Scene) -> None:
    (await begun(scene.seeing)).set()
    sending = await begun(scene.settling)
    scene.heads.put_nowait(1)
    seen = await begun(scene.seeing)
    scene.settler.stop()
    sending.set()
    await turns()
    assert not scene.running.done()
    seen.set()
    async with asyncio.timeout(20):
        await scene.running
