"""Search: what is for sale and fits a query, a page at a time, at today's prices.

A page goes on where the last one ended, by its sort key; no page is dearer than the first. Where
nothing has all the words of a text, it is asked again with any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import psycopg
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from marketplace.catalog.conditions import Asked
from marketplace.catalog.cursors import Position, read_cursor, write_cursor
from marketplace.catalog.queries import BadQuery as BadQuery
from marketplace.catalog.queries import Query as Query
from marketplace.catalog.queries import parse as parse
from marketplace.catalog.wording import AnyOf
from sellers.market import goods
from sellers.market.goods import Good
from sellers.site import this_site

CANDIDATES_MAX: Final = 500  # of what a text finds, the best by rank are compared
WORD_CANDIDATES_MIN: Final = 50  # of what each of many words finds
COUNTED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """One page, and where the next one begins; empty at the end."""

    goods: tuple[Good, ...]
    next_cursor: str
    relaxed: bool = False  # nothing has all the words; these have some of them


@dataclass(frozen=True, slots=True)
class _Order:
    """A sort: its column, the key that pages compare, and how a key is the column's value again."""

    column: str
    key: str
    value: str
    descending: bool


_ORDERS: Final = {
    "relevance": _Order("score", "-score", "-%(after)s::int", True),
    "price": _Order("cheapest", "cheapest", "%(after)s::numeric", False),
    "latency": _Order("latency", "latency", "%(after)s::int", False),
    "volume": _Order("calls_30d", "-calls_30d", "-%(after)s::int", True),
    "newest": _Order(
        "listed_at",
        "-(extract(epoch from listed_at) * 1000000)::bigint",
        "timestamptz 'epoch' - %(after)s::bigint * interval '1 microsecond'",
        True,
    ),
}


def find(query: Query) -> Found:
    """The page of this query, in its order; where its first one is empty, of any of its words."""
    position = read_cursor(query)
    if position is not None:
        return _find(replace(query, relaxed=position.relaxed), position)
    found = _find(query, None)
    if found.goods or found.next_cursor or not AnyOf.of(query.text).asks_for_less:
        return found
    return _find(replace(query, relaxed=True), None)


def _find(query: Query, position: Position | None) -> Found:
    site = this_site()
    asked = Asked.of(query, site)
    if asked is None:
        return Found((), "")
    page, values = _page(query, asked, position), asked.values | {"most": query.limit + 1}
    with bounded():
        hits = goods.read(page, values, site)
    shown = hits[: query.limit]
    found = tuple(hit.good for hit in shown if hit.good is not None)
    relaxed = query.relaxed and bool(found)
    if len(hits) <= query.limit:
        return Found(found, "", relaxed)
    last = shown[-1]
    return Found(found, write_cursor(query, Position(last.key, last.listing_id)), relaxed)


def at(query: Query, offset: int) -> tuple[Good, ...]:
    """The page that begins after so many, for programs that count and know no cursor."""
    asked = Asked.of(query, this_site())
    if asked is None:
        return ()
    page = _page(query, asked, None) + " offset %(offset)s"
    with bounded():
        hits = goods.read(page, asked.values | {"most": query.limit, "offset": offset})
    return tuple(hit.good for hit in hits if hit.good is not None)


def reach(query: Query) -> int:
    """How many pages can come to: of what a text finds only the best are ranked."""
    return CANDIDATES_MAX if _is_ranked(query) else COUNTED_MAX


def count(query: Query, most: int = COUNTED_MAX) -> int:
    """How many fit, up to so many."""
    asked = Asked.of(query, this_site())
    if asked is None:
        return 0
    with bounded() as cursor:
        cursor.execute(_COUNT.format(asked=asked.sql), asked.values | {"most": most})
        return int(cursor.fetchone()[0])


def _page(query: Query, asked: Asked, position: Position | None) -> str:
    """The statement that names a page of listings, in order."""
    if position is not None:
        asked.values.update(after=position.key, after_id=position.listing_id)
    if _is_ranked(query):
        return _RANKED.format(
            candidates=_candidates(query, asked),
            text=asked.text,
            power=4 if query.relaxed else 1,
            after=_AFTER_RANK if position else "",
        )
    order = _ORDERS[query.sort]
    after = ""
    if position is not None:
        past = "<" if order.descending else ">"
        after = _AFTER.format(column=order.column, past=past, value=order.value)
    return _SORTED.format(
        key=order.key,
        asked=asked.sql,
        after=after,
        column=order.column,
        direction="desc" if order.descending else "asc",
    )


def _candidates(query: Query, asked: Asked) -> str:
    """What is compared: the best by rank of what the text finds, or of what each word finds.

    Each word's own, since those that everybody uses would leave no room for the one that matters.
    """
    if not query.relaxed:
        return _CANDIDATES.format(asked=asked.sql, most=CANDIDATES_MAX)
    names = AnyOf.of(query.text).word_names
    most = max(CANDIDATES_MAX // len(names), WORD_CANDIDATES_MIN)
    each = (
        f"({_CANDIDATES.format(asked=asked.others + _HAS_WORD.format(name=name), most=most)})"
        for name in names
    )
    return " union ".join(each)


def _is_ranked(query: Query) -> bool:
    return bool(query.text) and query.sort == "relevance"


@contextmanager
def bounded() -> Iterator[CursorWrapper]:
    """A transaction in which no statement runs for longer than a search may."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LIMIT, [f"{settings.SEARCH_MS_MAX}ms"])
            yield cursor
    except OperationalError as failed:
        if not isinstance(failed.__cause__, psycopg.errors.QueryCanceled):
            raise
        raise BadQuery(_TOO_LONG) from failed


_TOO_LONG: Final = (
    "this search takes too long; ask for a more particular word, or add a category, a tag or a"
    " network"
)
_LIMIT: Final = "select set_config('statement_timeout', %s, true)"
# How well the words fit, up to three times as much where the figures are good. The fourth power of
# it where some words are enough: good figures seldom make up for a word that is missing.
_RANKED: Final = """
    select listing_id, key from (
        select c.listing_id,
               -(ts_rank(c.search, ({text}), 1)::float8 ^ {power}
                 * (1 + 2 * c.score / 1000.0::float8)) key
          from ({candidates}) c) ranked
     {after} order by key, listing_id limit %(most)s
"""
_CANDIDATES: Final = """
    select e.listing_id, e.search, e.score from entry e where {asked}
     order by e.score desc, e.listing_id limit {most}
"""
_HAS_WORD: Final = " and e.search @@ websearch_to_tsquery('english', %({name})s)"
_AFTER_RANK: Final = "where (key, listing_id) > (%(after)s::float8, %(after_id)s::uuid)"
_SORTED: Final = """
    select e.listing_id, {key} as key from entry e where {asked} {after}
     order by e.{column} {direction}, e.listing_id limit %(most)s
"""
_AFTER: Final = """
    and e.{column} {past}= {value}
    and (e.{column} {past} {value} or e.listing_id > %(after_id)s::uuid)
"""
_COUNT: Final = """
    with entry as not materialized (select * from sellers_catalogentry where sold)
    select count(*) from (select 1 from entry e where {asked} limit %(most)s) found
"""
