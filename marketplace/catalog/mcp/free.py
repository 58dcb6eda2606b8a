"""The free tools: to search, to read, to be quoted, to see a sample, to check a payment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from marketplace.calls.outcomes import Challenged
from marketplace.calls.room import Room
from marketplace.calls.shelf import Absent
from marketplace.calls.unsold import absent
from marketplace.catalog import search
from marketplace.catalog.mcp import definitions
from marketplace.catalog.mcp.listings import in_full, in_short, price_in_words
from marketplace.catalog.mcp.lists import is_slug
from marketplace.catalog.mcp.looks import Looks
from marketplace.catalog.mcp.outcomes import quote_of, result_of, sample_of
from marketplace.catalog.mcp.paying import unpaid
from marketplace.catalog.mcp.protocol import INVALID_PARAMS, Fault
from marketplace.catalog.mcp.results import data, problem
from marketplace.catalog.turns import TooOften, in_turn
from payments.ids import read_id
from payments.reports.one_payment import payment_report
from payments.surroundings import status_of, surroundings
from sellers.market import goods

Document = dict[str, Any]
Arguments = Mapping[str, Any]

PATH_CHARACTERS_MAX = 100
# The names under which a search is asked here, as the catalog's query knows them.
_ASKED = {
    "query": "q", "category": "category", "tags": "tag", "network": "network",
    "max_usd": "maxPrice", "method": "method", "seller": "seller", "sort": "sort",
    "limit": "limit", "cursor": "cursor",
}  # fmt: skip


class FreeTools:
    """Answers what costs nothing."""

    def __init__(self, room: Room, looks: Looks) -> None:
        self._room = room
        self._looks = looks
        self._by_name = {
            definitions.SEARCH: self._search,
            definitions.READ: self._read,
            definitions.QUOTE: self._quote,
            definitions.SAMPLE: self._sample,
            definitions.CHECK: self._check,
        }

    def knows(self, name: str) -> bool:
        return name in self._by_name

    async def answer(self, name: str, arguments: Arguments, origin: str) -> Document:
        """What the tool says; `origin` is the network that asks, whose turns are counted."""
        try:
            return await self._by_name[name](arguments, origin)
        except TooOften as often:
            wait = often.rate.retry_seconds
            return problem("too_often", f"{often}.", also={"retry_after_seconds": wait})

    async def _search(self, arguments: Arguments, origin: str) -> Document:
        pairs = [(_ASKED.get(name, name), text) for name, text in _pairs(arguments)]
        try:
            query, unapplied = search.parse(pairs)
            found = await self._looks(in_turn, origin, search.find, query)
        except search.BadQuery as bad:
            return problem("bad_query", bad.message)
        document: Document = {"services": [in_short(good) for good in found.goods]}
        if found.relaxed:
            document["relaxed"] = True
        if found.next_cursor:
            document["next_cursor"] = found.next_cursor
        if unapplied:
            document["unapplied"] = list(unapplied)
        return data(document)

    async def _read(self, arguments: Arguments, origin: str) -> Document:
        path = path_in(arguments)
        good = await self._looks(in_turn, origin, goods.one, path)
        if good is not None:
            return data(in_full(good))
        place = await self._room.shelf.get(path)
        return result_of(absent(place if isinstance(place, Absent) else Absent.UNKNOWN), place)

    async def _quote(self, arguments: Arguments, origin: str) -> Document:
        place = await self._room.shelf.get(path_in(arguments))
        told = unpaid(self._room, place, None)
        if isinstance(place, Absent) or not isinstance(told, Challenged):
            return result_of(told, place)
        quote = quote_of(place)
        return data({"price": price_in_words(place.offers), "payment_required": dict(quote)})

    async def _sample(self, arguments: Arguments, origin: str) -> Document:
        place = await self._room.shelf.get(path_in(arguments))
        if isinstance(place, Absent):
            return result_of(absent(place), place)
        return sample_of(place)

    async def _check(self, arguments: Arguments, origin: str) -> Document:
        payment = arguments.get("payment")
        payment_id = read_id(payment) if isinstance(payment, str) else None
        document = await self._looks(in_turn, origin, _status, payment_id) if payment_id else None
        if document is None:
            return problem("unknown_payment", "There is no payment with this id here.")
        return data(document)


def path_in(arguments: Arguments) -> str:
    """The listing that is named: `seller/listing`."""
    path = arguments.get("path")
    if not isinstance(path, str) or len(path) > PATH_CHARACTERS_MAX:
        raise Fault(INVALID_PARAMS, "path must name a listing: seller/listing")
    if not all(map(is_slug, path.split("/"))) or path.count("/") != 1:
        raise Fault(INVALID_PARAMS, "path must name a listing: seller/listing")
    return path


def _pairs(arguments: Arguments) -> Iterator[tuple[str, str]]:
    """Arguments as the catalog reads them from an address: names and texts."""
    for name, value in arguments.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool) or not isinstance(one, (str, int, float)):
                raise Fault(INVALID_PARAMS, "an argument of a search is a text or a number")
            yield name, one if isinstance(one, str) else f"{one}"


def _status(payment_id: UUID) -> Document | None:
    report = payment_report(payment_id)
    return None if report is None else status_of(report, surroundings(report))
