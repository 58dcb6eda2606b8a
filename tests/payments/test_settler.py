"""Whom a new block paid is seen to at once: neither side of the settler's work waits needlessly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from payments.settling import settlement, settler, unpaid
from payments.settling.lookout import Lookout
from payments.settling.settler import Settler
from tests.fixtures.purchases import NETWORK


class Scene:
    """A settler at work, with both of its sides in the test's hand: each stays until let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heads: asyncio.Queue[int] = asyncio.Queue()
        self.seeing: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.settling: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.voids: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        monkeypatch.setattr(Lookout, "_look", self._see)
        monkeypatch.setattr(settlement, "look", self._settle)
        monkeypatch.setattr(unpaid, "look_at_voids", self._look_at_voids)
        desk: Any = SimpleNamespace(
            terms=SimpleNamespace(network=NETWORK, lease_seconds=10),
            chain=SimpleNamespace(heads=self._heads),
        )
        self.settler = Settler(desk)
        self.running = asyncio.create_task(self.settler.run())

    async def _heads(self) -> AsyncIterator[int]:
        while True:
            yield await self.heads.get()

    async def _see(self) -> None:
        self.settler._lookout.sees = True
        await self._stay(self.seeing)

    async def _settle(self, *_: Any) -> bool:
        await self._stay(self.settling)
        return False

    async def _look_at_voids(self, *_: Any) -> int:
        await self._stay(self.voids)
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


async def test_what_was_not_charged_holds_up_neither(scene: Scene) -> None:
    (await begun(scene.seeing)).set()
    looking = await begun(scene.voids)
    (await begun(scene.settling)).set()
    scene.heads.put_nowait(1)
    (await begun(scene.seeing)).set()
    scene.settler.wake()
    await begun(scene.settling)
    assert not looking.is_set()


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


async def is_gone(desk: Any) -> None:
    raise psycopg.OperationalError("gone")


async def is_frozen(desk: Any) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("is_away", [is_gone, is_frozen])
async def test_doors_come_back_before_calls_are_given_up_after_an_outage(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, is_away: Any
) -> None:
    """Else calls end of which the seller is just asked, as no door could say that it lives."""
    asked, came_back, swept = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def sweep(desk: Any) -> None:
        swept.set()

    async def let_doors_come_back(self: Settler) -> None:
        monkeypatch.setattr(settlement, "void_dead_leases", sweep)
        asked.set()
        await came_back.wait()

    monkeypatch.setattr(settler, "LEASE_SWEEP_SECONDS", 0)
    monkeypatch.setattr(settler, "PAUSE_AFTER_SURPRISE_SECONDS", 0)
    monkeypatch.setattr(settlement, "void_dead_leases", is_away)
    monkeypatch.setattr(scene.settler._desk.terms, "lease_seconds", 2)
    monkeypatch.setattr(Settler, "_let_doors_come_back", let_doors_come_back)
    sweeping = asyncio.create_task(scene.settler._sweep_leases())
    try:
        async with asyncio.timeout(10):
            await asked.wait()
            assert not swept.is_set()
            came_back.set()
            await swept.wait()
    finally:
        sweeping.cancel()
