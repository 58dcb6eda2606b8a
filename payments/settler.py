"""The hot loop of one network: woken by rings and new heads, it settles what is due.

It is no task and holds no truth: several may run side by side, and any may die at any point.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import psycopg

from payments import health, relayer, settlement, watching
from payments.chains import Block, ChainUnavailable
from payments.desk import Desk
from payments.marks import LOOK_ABOVE
from payments.pool import rows

log = logging.getLogger(__name__)

GENESIS = Block(0, b"", b"", 0, 0)  # what is final before a node says that anything is

TICK_SECONDS = 1.0  # how long a lost ring can cost
LEASE_SWEEP_SECONDS = 1.0
WATCH_SECONDS = 0.5  # without a new block: what was never sent, or was dropped by the node
WATCH_ALL_SECONDS = 30.0
HEADS_REMEMBERED = 128
PAUSE_AFTER_SURPRISE_SECONDS = 1.0


class Settler:
    """Settles one network until it is told to stop; a step under way is finished."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._seen: dict[int, bytes] = {}
        self._watched_all_at = -WATCH_ALL_SECONDS
        self._started = False
        self._head_hash = b""
        self._final = GENESIS
        self._watched_at = -WATCH_SECONDS
        self._health = health.HealthBook(desk)

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        heads = asyncio.create_task(self._follow_heads())
        sweep = asyncio.create_task(self._sweep_leases())
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                more = await self._guarded(self.step)
                if not more:
                    await self._rest()
        finally:
            heads.cancel()
            sweep.cancel()
            await asyncio.gather(heads, sweep, return_exceptions=True)

    async def settle_due(self) -> None:
        """Step until nothing is due: for cron, and for when the loop is dead."""
        await self._guarded(self._sweep)
        while await self._guarded(self.step) or await self._desk.way.landed():
            continue

    async def _rest(self) -> None:
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets a ring.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await self._woken.wait()

    async def _guarded(self, step: Callable[[], Awaitable[bool]]) -> bool:
        """An outage or a surprise costs a pause; the rows are as they were."""
        try:
            return await step()
        except ChainUnavailable as error:
            log.warning("%s: %s", self._desk.terms.network, error)
        except (psycopg.OperationalError, TimeoutError) as error:
            log.warning("%s: database: %s", self._desk.terms.network, type(error).__name__)
        except Exception:  # the worker loop: logs and reschedules (architecture, Errors)
            log.exception("%s: settling", self._desk.terms.network)
        await asyncio.sleep(PAUSE_AFTER_SURPRISE_SECONDS)
        return False

    async def step(self) -> bool:
        """One look at everything that is due; True when there is more."""
        desk = self._desk
        head = await self._head()
        if not self._started:
            await relayer.enlist(desk.pool, desk.chain, desk.keyring)
            await self._look_above(0)  # what a reorg took away while nobody settled
            self._started = True
        await self._health.write(head)
        if head.hash != self._head_hash or self._now() - self._watched_at >= WATCH_SECONDS:
            await self._watch(head)
        looked = await settlement.look(desk, head, self._final)
        return looked >= settlement.TAKE_MAX

    async def _head(self) -> Block:
        try:
            return await self._desk.chain.head()
        except ChainUnavailable:
            await self._health.write_silent()
            raise

    async def _watch(self, head: Block) -> None:
        """See what a new block did to the transactions of ours; now and then without one, too."""
        desk = self._desk
        self._final = await desk.chain.block("finalized") or GENESIS
        fork = await self._fork_below(head)
        if fork is not None:
            log.warning("%s: reorg from block %s on", desk.terms.network, fork)
            await self._look_above(fork)
        await watching.watch(desk, head, self._watch_from(fork))
        await watching.finish(desk, self._final.number)
        self._head_hash, self._watched_at = head.hash, self._now()

    def _watch_from(self, fork: int | None) -> int | None:
        if self._now() - self._watched_all_at >= WATCH_ALL_SECONDS:
            self._watched_all_at = self._now()
            return 0
        return fork

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _fork_below(self, head: Block) -> int | None:
        """The lowest block that may no longer be what we took it for, if there is one.

        Blocks between those we saw may be gone as well: all above the newest that still stands.
        """
        fork: int | None = None
        standing = -1
        for number in sorted(self._seen, reverse=True):
            block = await self._desk.chain.block(number) if number <= head.number else None
            if block is not None and block.hash == self._seen[number]:
                standing = number
                break
            if block is None and number > head.number:
                continue  # a node that lags behind is no reorg
            fork = number
        if fork is not None:
            fork = standing + 1
        for number in [n for n in self._seen if fork is not None and n >= fork]:
            del self._seen[number]
        self._seen[head.number] = head.hash
        for number in sorted(self._seen)[:-HEADS_REMEMBERED]:
            del self._seen[number]
        return fork

    async def _look_above(self, number: int) -> None:
        await rows(self._desk.pool, LOOK_ABOVE, (self._desk.terms.network, number))

    async def _follow_heads(self) -> None:
        async for _ in self._desk.chain.heads():
            self._woken.set()

    async def _sweep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SWEEP_SECONDS)
            await self._guarded(self._sweep)

    async def _sweep(self) -> bool:
        await settlement.void_dead_leases(self._desk)
        return False
