"""What is for sale, ready to be quoted: published revisions kept in memory, within bounds.

The shelf may be a quarter of a second behind the database. That costs nothing but a refused
claim: the claim joins the open offer itself and has the last word.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from marketplace.calls.forwarding import Upstream
from payments.acceptance.promise import Offer
from payments.database.outage import Outage
from payments.database.pool import Pool, rows
from payments.x402 import v1
from payments.x402.types import Challenge
from sellers.extensions.offer_receipt import SignedPrices
from sellers.schemas.validating import Validator
from sellers.terms import Terms

logger = logging.getLogger(__name__)

# Paths nobody sells under are remembered apart, so that guessing cannot push real ones out.
ABSENT_REMEMBERED_MAX: Final = 4_096
ABSENT_REMEMBERED_SECONDS: Final = 5.0
# The rest of the pool's connections stay free for claims, however many paths are guessed.
READS_AT_ONCE: Final = 2
# Above every version there will be: until the first look at the database nothing is kept.
_NEVER_LOOKED: Final = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Shelved:
    """One published revision, ready to be sold; read again it is another one."""

    path: str  # "seller/slug", or a preview's own
    seller_id: UUID
    listing_id: UUID
    revision_hash: bytes
    terms: Terms
    url: str  # the resource URL: the same in the quote, the catalog and the receipt
    offers: tuple[Offer, ...]
    challenge: Challenge
    challenge_body: bytes
    challenge_header: str  # base64 of the body
    challenge_v1: v1.Challenge
    challenge_v1_body: bytes
    upstream: Upstream
    validator: Validator
    earlier: tuple[Shelved, ...] = ()  # older revisions whose price is still good
    signed: SignedPrices | None = None  # what stands under the prices of the challenge
    unquoted: frozenset[str] = frozenset()  # networks that are left out of it for now
    good_until_unix: float = inf  # when an older revision's price ends
    draft_of: UUID | None = None  # a preview's: the listing that it becomes
    only_for: frozenset[str] | None = None  # a preview's: the wallets that may pay for it


class Absent(Enum):
    """Why a path has nothing on the shelf."""

    UNKNOWN = "unknown"  # no such listing, or none that was ever approved, or retired
    CLOSED = "closed"  # paused or suspended: it may come back


Place: TypeAlias = Shelved | Absent


class Stock(Protocol):
    """Where the shelf is filled from."""

    async def read(self, path: str) -> tuple[int, Place]:
        """Read what a path sells, and the shelf version it was read at."""


class Shelf:
    """The published revisions this process sells, the least recently asked for leaving first."""

    def __init__(self, pool: Pool, stock: Stock, *, entries_max: int) -> None:
        self._pool = pool
        self._stock = stock
        self._entries_max = entries_max
        self._shelved: OrderedDict[str, Shelved] = OrderedDict()
        self._absent: OrderedDict[str, tuple[float, Absent]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Place]] = {}
        self._turns = asyncio.Semaphore(READS_AT_ONCE)
        self._version = _NEVER_LOOKED

    def peek(self, path: str) -> Shelved | None:
        """Return what this path sells if it is at hand, without waiting for anything."""
        found = self._shelved.get(path)
        if found is not None:
            self._shelved.move_to_end(path)
        return found

    @property
    def at_hand(self) -> Mapping[str, Shelved]:
        """Everything that is at hand now, by path; to look at, not to sell from."""
        return self._shelved

    @property
    def version(self) -> int:
        """What of the database this shelf has seen: another number after every change."""
        return self._version

    def exchange(self, old: Shelved, new: Shelved) -> None:
        """Put a listing's new quote in place of its old one, unless that has left meanwhile."""
        if self._shelved.get(old.path) is old:
            self._shelved[old.path] = new

    async def get(self, path: str) -> Place:
        """Return what this path sells, by one indexed read when it is not at hand."""
        found = self.peek(path)
        if found is not None:
            return found
        absent = self._absent.get(path)
        if absent is not None and absent[0] > asyncio.get_running_loop().time():
            return absent[1]
        reading = self._reading.get(path)
        if reading is None:
            reading = self._reading[path] = asyncio.create_task(self._read(path))
        # Whoever asked first may hang up; the others still want the answer.
        return await asyncio.shield(reading)

    async def by_hash(self, path: str, revision_hash: bytes) -> Shelved | None:
        """Return this revision of a listing while its price is good, live or not any more."""
        current = await self.get(path)
        if isinstance(current, Absent):
            return None
        revisions = (current, *current.earlier)
        return next((one for one in revisions if one.revision_hash == revision_hash), None)

    async def watch(self, *, every_seconds: float) -> None:
        """Drop what changed, for ever; a database that does not answer is asked again."""
        outage = Outage(logger, "The shelf cannot see changes")
        while True:
            with outage.passed_over():
                await self.refresh()
            await asyncio.sleep(every_seconds)

    async def refresh(self) -> None:
        """Drop what changed since the last look."""
        changes = await rows(self._pool, _CHANGES, {"seen": self._version})
        if not changes:
            return
        version = changes[0][0]
        if version < self._version:  # the first look, or a database restored from a backup
            self._shelved.clear()
            self._absent.clear()
        for _, path in changes:
            self._shelved.pop(path, None)
            self._absent.pop(path, None)
        self._version = version

    async def _read(self, path: str) -> Place:
        try:
            async with self._turns:
                version, place = await self._stock.read(path)
            # Read before a change that was already looked for: good for those who asked, but
            # nothing would ever drop it again.
            if version >= self._version:
                self._keep(path, place)
            return place
        finally:
            del self._reading[path]

    def _keep(self, path: str, place: Place) -> None:
        if isinstance(place, Shelved):
            self._shelved[path] = place
            if len(self._shelved) > self._entries_max:
                self._shelved.popitem(last=False)
            return
        until = asyncio.get_running_loop().time() + ABSENT_REMEMBERED_SECONDS
        self._absent[path] = (until, place)
        self._absent.move_to_end(path)
        if len(self._absent) > ABSENT_REMEMBERED_MAX:
            self._absent.popitem(last=False)


# One row at least whenever the version moved; none at all, and one look at one page, when not.
_CHANGES: Final = """
    select v.version, s.slug || '/' || l.slug
      from (select coalesce(max(version), 0) as version from sellers_shelfversion) v
      left join sellers_listing l on l.shelf_version > %(seen)s and v.version > %(seen)s
      left join sellers_seller s on s.id = l.seller_id
     where v.version <> %(seen)s
"""
