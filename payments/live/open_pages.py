"""Whoever has a page open: all of a process share one ear and one look, whatever their number."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db import Error, connection

from payments.database.outage import Outage
from payments.database.pool import NotDurable, Pool, rows
from payments.live.happenings import UNSEEN, Kind, Topic, by_kind
from payments.live.wakeups import (
    EARNINGS_COUNTED,
    MONEY_MOVED,
    WORK_TO_SETTLE,
    WORK_WENT_ON,
    listen,
)
from payments.wiring.pools import direct_database_url, open_site_pool

log = logging.getLogger(__name__)

CHANNELS = (MONEY_MOVED, EARNINGS_COUNTED, WORK_TO_SETTLE, WORK_WENT_ON)
TICK_SECONDS = 2.0  # how long a lost ring can keep an open page waiting
PAUSE_SECONDS = 0.3  # between two looks, however often it rings


@dataclass(eq=False, slots=True)
class Seat:
    """One open page: what it waits for, and what it has not been told yet."""

    seen: dict[Topic, str]
    network: str = ""  # whose; nothing where that cannot be known
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def notice(self, known: Mapping[Topic, str]) -> None:
        if self._changed(known):
            self.news.set()

    def take(self, known: Mapping[Topic, str]) -> list[Topic]:
        """The topics that changed since the page was last told."""
        self.news.clear()
        changed = self._changed(known)
        self.seen |= {topic: known[topic] for topic in changed}
        return changed

    def _changed(self, known: Mapping[Topic, str]) -> list[Topic]:
        """What nobody has looked at yet has not changed: a page may come during a look."""
        return [topic for topic, seen in self.seen.items() if known.get(topic, seen) != seen]


class Hub:
    """Everybody who waits in this process; nothing is held open while nobody does."""

    def __init__(self) -> None:
        self._seats: set[Seat] = set()
        self._rung = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._working: dict[Kind, asyncio.Task[None]] = {}
        self._worked_out: dict[Kind, str] = {}
        self.is_leaving = False
        self.known: dict[Topic, str] = {}

    def is_full(self, most: int) -> bool:
        return len(self._seats) >= most

    def is_full_for(self, network: str, most: int) -> bool:
        """Whether as many wait already who come from there."""
        return bool(network) and sum(each.network == network for each in self._seats) >= most

    @contextlib.asynccontextmanager
    async def seat(self, seen: Mapping[Topic, str], network: str = "") -> AsyncIterator[Seat]:
        """Wait here until the page goes."""
        mine = Seat(dict(seen), network)
        self._seats.add(mine)
        self._rung.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        try:
            yield mine
        finally:
            self._seats.discard(mine)
            self._rung.set()

    def leave(self) -> None:
        """End every open page's stream: it comes again, and finds another process."""
        self.is_leaving = True
        for seat in self._seats:
            seat.news.set()

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        """Serve whoever waits; also those who came while the last ones were leaving."""
        while self._seats:
            try:
                await self._serve()
            except (psycopg.Error, OSError, TimeoutError, NotDurable) as error:
                log.warning("open pages hear nothing, it is tried again: %s", error)
                await asyncio.sleep(TICK_SECONDS)

    async def _serve(self) -> None:
        """Look when something rang, and on a tick, as long as somebody waits."""
        pool = await open_site_pool(1)
        ear = asyncio.create_task(
            listen(direct_database_url(), CHANNELS, lambda _: self._rung.set())
        )
        outage = Outage(log, "Open pages hear nothing")
        try:
            while self._seats:
                self._rung.clear()
                with outage.passed_over():
                    await self._look(pool)
                await asyncio.sleep(PAUSE_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._rung.wait()
        finally:
            helping = (ear, *self._working.values())
            for forgotten in (self.known, self._working, self._worked_out):
                forgotten.clear()
            for task in helping:
                task.cancel()
            await asyncio.gather(*helping, return_exceptions=True)
            await pool.close()

    async def _look(self, pool: Pool) -> None:
        known: dict[Topic, str] = {}
        for kind, ids in by_kind(topic for seat in self._seats for topic in seat.seen).items():
            if kind.work_out is None:
                known |= dict.fromkeys((Topic(kind, each) for each in ids), UNSEEN)
                found = await rows(pool, kind.statement, (ids,))
                known |= {Topic(kind, key): version for key, version in found}
            else:
                known |= self._as_worked_out(kind, kind.work_out, ids)
        self.known = known
        for seat in self._seats:
            seat.notice(known)

    def _as_worked_out(
        self, kind: Kind, work_out: Callable[[], str], ids: Sequence[UUID]
    ) -> dict[Topic, str]:
        """What it came to last; beside it begins the next, for which no other page waits."""
        running = self._working.get(kind)
        if running is None or running.done():
            self._working[kind] = asyncio.create_task(self._work_out(kind, work_out))
        last = self._worked_out.get(kind)
        return {} if last is None else dict.fromkeys((Topic(kind, each) for each in ids), last)

    async def _work_out(self, kind: Kind, work_out: Callable[[], str]) -> None:
        with contextlib.suppress(Error):  # the database is away: the looks say so
            version = await asyncio.to_thread(_let_go_after, work_out)
            if self._worked_out.get(kind) != version:
                self._worked_out[kind] = version
                self._rung.set()


def _let_go_after(work_out: Callable[[], str]) -> str:
    """Keep no connection for a thread that may have nothing more to do."""
    try:
        return work_out()
    finally:
        connection.close()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The one of this event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


async def close_hub() -> None:
    """Let go of what this event loop opened, if it opened anything."""
    opened = _hubs.pop(asyncio.get_running_loop(), None)
    if opened is not None:
        await opened.close()
