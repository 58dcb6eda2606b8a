"""The settlers of every network, in one event loop: beside Celery, or by `manage.py work`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import uvloop

from payments import earnings
from payments.database import partitions, retention
from payments.database.pool import NotDurable, Pool, rows
from payments.exposure import risk
from payments.live.wakeups import EARNINGS_COUNTED, MONEY_MOVED, WORK_TO_SETTLE, Bell, listen
from payments.settling.desk import Desk
from payments.settling.settler import Settler
from payments.wiring.bounds import forgive_seconds
from payments.wiring.networks import networks
from payments.wiring.pools import direct_database_url, open_main_pool, open_settling_pool
from payments.wiring.settling import open_desk

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0  # a settler finishes its step within so long, or is left to the sweep


@contextlib.asynccontextmanager
async def _opened() -> AsyncIterator[tuple[Pool, list[Desk]]]:
    pool = await open_settling_pool()
    desks = [open_desk(pool, network) for network in networks()]
    try:
        yield pool, desks
    finally:
        for desk in desks:
            await desk.way.close()
            await desk.chain.close()
        await pool.close()


async def settle_until(stop: asyncio.Event) -> None:
    """Settle every network, and count what was earned, until told to stop."""
    async with _opened() as (pool, desks):
        await partitions.make_ahead(pool, datetime.now(UTC).date())
        settlers, moved = [Settler(desk) for desk in desks], asyncio.Event()

        def wake(channel: str) -> None:
            moved.set()
            if channel == WORK_TO_SETTLE:
                for settler in settlers:
                    settler.wake()

        channels = (WORK_TO_SETTLE, MONEY_MOVED)
        ear = asyncio.create_task(listen(direct_database_url(), channels, wake))
        told = Bell(pool, EARNINGS_COUNTED)
        counting = asyncio.create_task(earnings.keep_counting(pool, moved, told))
        running = [asyncio.create_task(settler.run()) for settler in settlers]
        await stop.wait()
        for settler in settlers:
            settler.stop()
        if running:
            await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in (ear, counting, *running):
            task.cancel()
        await asyncio.gather(ear, counting, *running, return_exceptions=True)


async def settle_once() -> int:
    """Take everything that is due, once; says in how many networks."""
    async with _opened() as (pool, desks):
        for desk in desks:
            await Settler(desk).settle_due()
        await earnings.count(pool)
        return len(desks)


async def beat(name: str) -> None:
    """Say that this part of the worker is alive."""
    pool = await open_settling_pool()
    try:
        await rows(
            pool,
            "insert into payments_heartbeat (name, at) values (%s, clock_timestamp())"
            " on conflict (name) do update set at = excluded.at returning 1",
            (name,),
        )
    finally:
        await pool.close()


async def tend_partitions() -> list[str]:
    """Make the partitions of the days to come, and drop the bodies whose day is over."""
    pool = await open_main_pool()
    try:
        today = datetime.now(UTC).date()
        await partitions.make_ahead(pool, today)
        return await partitions.drop_expired_bodies(pool, today)
    finally:
        await pool.close()


async def forgive() -> int:
    """Let the losses of instant release make room again once their time is over; says how many."""
    pool = await open_main_pool()
    try:
        forgiven = 0
        while some := await risk.forgive(pool, after_seconds=forgive_seconds()):
            forgiven += some
        return forgiven
    finally:
        await pool.close()


async def forget() -> None:
    """Let go of what is not kept for good."""
    pool = await open_main_pool()
    try:
        await retention.forget(pool)
    finally:
        await pool.close()


class Engine(threading.Thread):
    """The settlers' loop in a thread of its own, in the worker's process."""

    def __init__(self) -> None:
        super().__init__(name="settlers", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Event | None = None
        self._stopping = threading.Event()

    def run(self) -> None:
        """Start again after whatever ended the loop: the rows are as they were."""
        while not self._stopping.is_set():
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(self._settle())
            except (psycopg.Error, OSError, TimeoutError, NotDurable) as error:
                log.error("settling cannot start, it is tried again: %s", error)
                self._stopping.wait(1.0)

    async def _settle(self) -> None:
        self._loop, self._stop_asked = asyncio.get_running_loop(), asyncio.Event()
        if not self._stopping.is_set():
            await settle_until(self._stop_asked)

    def stop(self) -> None:
        self._stopping.set()
        if self._loop is not None and self._stop_asked is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop_asked.set)
        self.join(STOP_SECONDS + 1)
