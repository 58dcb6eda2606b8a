"""Waiting for money to move, or for somebody else's call to be answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

import psycopg

from payments import lookup
from payments.lookup import Held
from payments.pool import Pool

TICK_SECONDS = 0.25  # how long a lost ring can cost a waiting buyer


class Waits:
    """Everybody who waits in this process shares one look at the database per ring."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[UUID, set[asyncio.Queue[Held]]] = defaultdict(set)
        self._rung = asyncio.Event()

    def ring(self, _channel: str = "") -> None:
        self._rung.set()

    async def until(
        self, payment_id: UUID, wanted: Callable[[Held], bool], seconds: float
    ) -> Held | None:
        """The payment as soon as it is as wanted; None when the time is over before that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # In the queue before the look: a ring between the two must not be lost.
                with self._queued(payment_id) as next_look:
                    held = await lookup.by_id(self._pool, payment_id)
                    while held is None or not wanted(held):
                        held = await next_look()
                    return held
        return None

    @contextlib.contextmanager
    def _queued(self, payment_id: UUID) -> Iterator[Callable[[], Awaitable[Held]]]:
        seat: asyncio.Queue[Held] = asyncio.Queue()
        self._waiting[payment_id].add(seat)
        try:
            yield seat.get
        finally:
            self._waiting[payment_id].discard(seat)
            if not self._waiting[payment_id]:
                del self._waiting[payment_id]

    async def run(self) -> None:
        """Look whenever somebody rang, and on a tick; for ever."""
        while True:
            # Not wait_for: before Python 3.12 it swallows a cancellation that meets a ring.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._rung.wait()
            self._rung.clear()
            if self._waiting:
                with contextlib.suppress(psycopg.Error, TimeoutError):
                    await self._look()

    async def _look(self) -> None:
        for held in await lookup.by_ids(self._pool, list(self._waiting)):
            for seat in self._waiting.get(held.payment_id, set()):
                seat.put_nowait(held)
