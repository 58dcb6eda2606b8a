"""The hot loops of one network: woken by rings and new heads, they settle what is due.

A look at what is due holds up no new head, and none is begun before a new head was seen to: buyers
wait for it. For what was not charged nobody waits, and it is looked for beside both. The loops are
no task and hold no truth: several may run side by side, and any may die at any point.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from payments.chains import ChainUnavailable
from payments.database.pool import AWAY
from payments.settling import settlement, unpaid
from payments.settling.desk import Desk
from payments.settling.lookout import Lookout

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0  # how long a lost ring can cost
LEASE_SWEEP_SECONDS = 1.0
PAUSE_AFTER_SURPRISE_SECONDS = 1.0


class Settler:
    """Settles one network until it is told to stop; a step under way is finished."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lookout = Lookout(desk)
        self._woken = asyncio.Event()
        self._told = asyncio.Event()  # of a new head
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()
        self._told.set()

    async def run(self) -> None:
        heads = asyncio.create_task(self._follow_heads())
        sweep = asyncio.create_task(self._sweep_leases())
        lookout = asyncio.create_task(self._look_out())
        voids = asyncio.create_task(self._watch_voids())
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                more = await self._guarded(self._settle)
                if not more:
                    await _rest(self._woken, TICK_SECONDS)
            await lookout
        finally:
            for task in (heads, sweep, lookout, voids):
                task.cancel()
            await asyncio.gather(heads, sweep, lookout, voids, return_exceptions=True)

    async def settle_due(self) -> None:
        """Step until nothing is due: for cron, and for when the loops are dead."""
        await self._guarded(self._sweep)
        while await self._guarded(self._step) or await self._desk.way.landed():
            continue

    async def _step(self) -> bool:
        await self._lookout.look()
        more = await self._settle()
        return await self._look_at_voids() or more

    async def _settle(self) -> bool:
        """One look at everything that is due; True when there is more."""
        await self._lookout.is_over.wait()
        if not self._lookout.sees:
            return False  # what is taken up now could not be sent, and would wait the longer for it
        return await settlement.look(self._desk, self._lookout.final)

    async def _watch_voids(self) -> None:
        while not self._stopping.is_set():
            if not await self._guarded(self._look_at_voids):
                await _rest(self._stopping, TICK_SECONDS)

    async def _look_at_voids(self) -> bool:
        """One look at what was not charged; True when there is more."""
        if not self._lookout.sees:
            return False
        looked = await unpaid.look_at_voids(self._desk, self._lookout.final)
        return looked >= unpaid.VOIDS_MAX

    async def _look_out(self) -> None:
        while not self._stopping.is_set():
            self._told.clear()
            await self._guarded(self._see)
            self._woken.set()  # what was settled may be deep enough already
            await _rest(self._told, TICK_SECONDS)

    async def _see(self) -> bool:
        await self._lookout.look()
        return False

    async def _guarded(self, step: Callable[[], Awaitable[bool]]) -> bool:
        """An outage or a surprise costs a pause; the rows are as they were."""
        try:
            return await step()
        except ChainUnavailable as error:
            log.warning("%s: %s", self._desk.terms.network, error)
        except AWAY as error:
            log.warning("%s: database: %s", self._desk.terms.network, type(error).__name__)
        except Exception:  # the worker loop: logs and reschedules (architecture, Errors)
            log.exception("%s: settling", self._desk.terms.network)
        await asyncio.sleep(PAUSE_AFTER_SURPRISE_SECONDS)
        return False

    async def _follow_heads(self) -> None:
        async for _ in self._desk.chain.heads():
            self._told.set()

    async def _sweep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SWEEP_SECONDS)
            if not await self._guarded(self._sweep):
                await self._let_doors_come_back()

    async def _sweep(self) -> bool:
        """While it hangs, signs of life hang beside it: what it saw before says nothing then."""
        async with asyncio.timeout(self._desk.terms.lease_seconds / 2):
            await settlement.void_dead_leases(self._desk)
        return True

    async def _let_doors_come_back(self) -> None:
        """The database was away, perhaps for all: who lives gives a sign of life first."""
        await asyncio.sleep(self._desk.terms.lease_seconds)


async def _rest(woken: asyncio.Event, seconds: float) -> None:
    # Not wait_for: before Python 3.12 it swallows a cancellation that meets a ring.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
