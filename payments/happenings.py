"""What open pages wait for: payments that move, and sums that change.

All pages of a process share one ear and one look at the database, whatever their number. A page
says what it has seen when it comes, so nothing that happens in between is lost to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection as django_connection

from payments import wiring
from payments.outage import Outage
from payments.pool import NotDurable, Pool, rows
from payments.wakeups import EARNINGS_COUNTED, MONEY_MOVED, WORK_TO_SETTLE, listen

log = logging.getLogger(__name__)

PAYMENT, EARNINGS = "payment", "earnings"
TICK_SECONDS = 2.0  # how long a lost ring can keep an open page waiting
PAUSE_SECONDS = 0.3  # between two looks, however often it rings
UNSEEN = "0"
_SEPARATOR = "_"


class Topic(NamedTuple):
    """One payment, or one seller's earnings."""

    kind: str
    id: UUID

    @property
    def name(self) -> str:
        """As a page asks for it: its earnings are always the asker's own."""
        return EARNINGS if self.kind == EARNINGS else f"{self.kind}:{self.id}"


# A settled payment changes with every block, until it is deep enough; others with their steps.
_VERSIONS = """
    select 'payment', g.payment_id, g.version::text || '.' || case when g.money = 'settled'
           then greatest(h.head_number - g.block_number + 1, 0)::text else '0' end
      from payments_progress g left join payments_chainhealth h on h.network = g.network
     where g.payment_id = any(%s)
    union all
    select 'earnings', seller_id, version::text from payments_earningsversion
     where seller_id = any(%s)
"""


def versions_now(topics: Iterable[Topic]) -> dict[Topic, str]:
    """How often each has changed until now: asked before a page reads what it shows."""
    with django_connection.cursor() as cursor:
        cursor.execute(_VERSIONS, _asked(list(topics)))
        return {Topic(kind, key): version for kind, key, version in cursor.fetchall()}


def live_query(*topics: Topic) -> str:
    """What a page's stream is asked for; it also says what the page is about to show."""
    known = versions_now(topics)
    return query_of(topics, {topic: known.get(topic, UNSEEN) for topic in topics})


def query_of(topics: Sequence[Topic], seen: Mapping[Topic, str]) -> str:
    names = ",".join(topic.name for topic in topics)
    return "?" + urlencode({"topics": names, "seen": place_of(topics, seen)})


def place_of(topics: Sequence[Topic], seen: Mapping[Topic, str]) -> str:
    """Every version in the order of the topics: the id of an event."""
    return _SEPARATOR.join(seen[topic] for topic in topics)


def read_place(topics: Sequence[Topic], text: str) -> dict[Topic, str]:
    """The other way round; what is not said counts as never seen."""
    said = text.split(_SEPARATOR)
    return {
        topic: said[place] if place < len(said) and said[place] else UNSEEN
        for place, topic in enumerate(topics)
    }


def _asked(topics: list[Topic]) -> tuple[list[UUID], list[UUID]]:
    return (
        [topic.id for topic in topics if topic.kind == PAYMENT],
        [topic.id for topic in topics if topic.kind == EARNINGS],
    )


@dataclass(eq=False, slots=True)
class Seat:
    """One open page: what it waits for, and what it has not been told yet."""

    seen: dict[Topic, str]
    network: str = ""  # whose; nothing where that cannot be known
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def notice(self, known: Mapping[Topic, str]) -> None:
        if any(known.get(topic, UNSEEN) != version for topic, version in self.seen.items()):
            self.news.set()

    def take(self, known: Mapping[Topic, str]) -> list[Topic]:
        """The topics that changed since the page was last told."""
        self.news.clear()
        changed = [topic for topic in self.seen if known.get(topic, UNSEEN) != self.seen[topic]]
        self.seen |= {topic: known.get(topic, UNSEEN) for topic in changed}
        return changed


class Hub:
    """Everybody who waits in this process; nothing is held open while nobody does."""

    def __init__(self) -> None:
        self._seats: set[Seat] = set()
        self._rung = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
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
        pool = await wiring.open_site_pool(1)
        channels = (MONEY_MOVED, EARNINGS_COUNTED, WORK_TO_SETTLE)
        ear = asyncio.create_task(
            listen(wiring.direct_database_url(), channels, lambda _: self._rung.set())
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
            self.known.clear()
            ear.cancel()
            await asyncio.gather(ear, return_exceptions=True)
            await pool.close()

    async def _look(self, pool: Pool) -> None:
        topics = list({topic for seat in self._seats for topic in seat.seen})
        found = await rows(pool, _VERSIONS, _asked(topics))
        self.known = {Topic(kind, key): version for kind, key, version in found}
        for seat in self._seats:
            seat.notice(self.known)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The one of this event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


async def close_hub() -> None:
    """Let go of what this event loop opened, if it opened anything."""
    opened = _hubs.pop(asyncio.get_running_loop(), None)
    if opened is not None:
        await opened.close()
