"""Waiting for money to move, or for somebody else's call to be answered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

from payments import lookup
from payments.database.outage import Outage
from payments.database.pool import Pool
from payments.lookup import Held

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25  # how long a lost ring can cost a waiting buyer
_NEVER_SEEN = 0  # versions start at 1


class Waits:
    """Everybody who waits in this process shares one look at the database per ring."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[UUID, set[asyncio.Queue[Held]]] = defaultdict(set)
        self._seen: dict[UUID, int] = {}  # the version that all who wait for it know
        self._rung = asyncio.Event()

    def ring(self, _channel: str = "") -> None:
        self._rung.set()

    async def until(
        self,
        payment_id: UUID,
        wanted: Callable[[Held], bool],
        seconds: float,
        *,
        together_max: int | None = None,
    ) -> Held | None:
        """The payment as soon as it is as wanted; None when the time is over before that.

        Where so many wait for it already, one more looks once.
        """
        if together_max is not None and len(self._waiting.get(payment_id, ())) >= together_max:
            held = await lookup.by_id(self._pool, payment_id)
            return held if held is not None and wanted(held) else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                with self._queued(payment_id) as next_look:
                    while not wanted(held := await next_look()):
                        continue
                    return held
        return None

    @contextlib.contextmanager
    def _queued(self, payment_id: UUID) -> Iterator[Callable[[], Awaitable[Held]]]:
        seat: asyncio.Queue[Held] = asyncio.Queue()
        self._waiting[payment_id].add(seat)
        self._seen[payment_id] = _NEVER_SEEN
        self.ring()
        try:
            yield seat.get
        finally:
            self._waiting[payment_id].discard(seat)
            if not self._waiting[payment_id]:
                del self._waiting[payment_id], self._seen[payment_id]

    async def run(self) -> None:
        """Look whenever somebody rang, and on a tick; for ever."""
        outage = Outage(log, "Waiting buyers hear nothing of their money")
        while True:
            # Not wait_for: before Python 3.12 it swallows a cancellation that meets a ring.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._rung.wait()
            self._rung.clear()
            if self._waiting:
                with outage.passed_over():
                    await self._look()

    async def _look(self) -> None:
        asked = dict(self._seen)
        for held in await lookup.changed(self._pool, asked):
            # Whoever sat down meanwhile has seen nothing yet: the next look is for them.
            if self._seen.get(held.payment_id) == asked[held.payment_id]:
                self._seen[held.payment_id] = held.version
            for seat in self._waiting.get(held.payment_id, set()):
                seat.put_nowait(held)
