"""Search: what is for sale and fits a query, a page at a time, at today's prices.

A page goes on where the last one ended, by its sort key; no page is dearer than the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from marketplace.catalog.cursors import Position, read_cursor, write_cursor
from marketplace.catalog.queries import BadQuery as BadQuery
from marketplace.catalog.queries import Query as Query
from marketplace.catalog.queries import parse as parse
from payments.x402.networks import address_bytes, checksum
from sellers import goods
from sellers.goods import Good
from sellers.site import Site, this_site

CANDIDATES_MAX: Final = 500  # of what a text finds, the best by rank are compared
COUNTED_MAX: Final = 10_000
_LAST_WORD = re.compile(r"(?:^|(?<=\s))[^\W_]+$")


@dataclass(frozen=True, slots=True)
class Found:
    """One page, and where the next one begins; empty at the end."""

    goods: tuple[Good, ...]
    next_cursor: str


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
    """The page of this query, in its order."""
    site = this_site()
    asked = _Asked.of(query, site)
    if asked is None:
        return Found((), "")
    position = read_cursor(query)
    page, values = _page(query, asked, position), asked.values | {"most": query.limit + 1}
    with bounded():
        hits = goods.read(page, values, site)
    shown = hits[: query.limit]
    found = tuple(hit.good for hit in shown if hit.good is not None)
    if len(hits) <= query.limit:
        return Found(found, "")
    last = shown[-1]
    return Found(found, write_cursor(query, Position(last.key, last.listing_id)))


def at(query: Query, offset: int) -> tuple[Good, ...]:
    """The page that begins after so many, for programs that count and know no cursor."""
    asked = _Asked.of(query, this_site())
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
    asked = _Asked.of(query, this_site())
    if asked is None:
        return 0
    with bounded() as cursor:
        cursor.execute(_COUNT.format(asked=asked.sql), asked.values | {"most": most})
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query's conditions as SQL, with their values."""

    sql: str
    values: dict[str, Any]

    @classmethod
    def of(cls, query: Query, site: Site) -> _Asked | None:
        """None when nothing can fit."""
        parts, values = ["true"], dict[str, Any]()
        if facets := _facets(query):
            parts.append("e.facets @> %(facets)s::text[]")
            values["facets"] = facets
        if query.text:
            parts.append(f"e.search @@ ({_TEXT})")
            values |= _words(query.text)
        if query.url_substring:
            parts.append("position(lower(%(within)s) in lower(%(base)s || e.path)) > 0")
            values |= {"within": query.url_substring, "base": f"{site.call_base_url}/call/"}
        if query.min_success is not None:
            parts.append("e.success_7d >= %(min_success)s")
            values["min_success"] = query.min_success
        if query.min_calls:
            parts.append("e.calls_30d >= %(min_calls)s")
            values["min_calls"] = query.min_calls
        if query.verified:
            parts.append("e.last_verified_at > now() - interval '1 day'")
        if _asks_of_prices(query):
            payable = _payable(query, site)
            if not payable:
                return None
            networks, assets, most = zip(*payable, strict=True)
            parts.append(_PAYABLE)
            values |= {
                "networks": list(networks), "assets": list(assets), "amounts": list(most),
                "pay_to": query.pay_to, "scheme": query.scheme,
            }  # fmt: skip
        if query.max_usd is not None:
            parts.append("e.cheapest <= %(max_usd)s")
            values["max_usd"] = query.max_usd
        return cls(" and ".join(parts), values)


def _facets(query: Query) -> list[str]:
    """What must be equal, as one condition that an index answers."""
    found = [f"tag:{tag}" for tag in query.tags]
    for name in ("category", "method", "seller", "scheme"):
        found += [f"{name}:{value}" for value in (getattr(query, name),) if value]
    for name, values in (("network", query.networks), ("asset", query.assets)):
        found += [f"{name}:{value.lower()}" for value in values if len(values) == 1]
    if query.pay_to:
        found.append(f"pay_to:{query.pay_to.lower()}")
    return found


def _asks_of_prices(query: Query) -> bool:
    asked = query.networks or query.assets or query.scheme or query.pay_to
    return bool(asked) or query.max_usd is not None


def _payable(query: Query, site: Site) -> list[tuple[str, str, int]]:
    """The tokens that fit, with the most that a call may cost in each."""
    dollars = site.price_max if query.max_usd is None else min(query.max_usd, site.price_max)
    found = []
    for each in site.accepted:
        network, asset = each.asset.network, checksum(address_bytes(each.asset.address))
        fits = not query.networks or network in query.networks
        if fits and (not query.assets or asset in query.assets):
            found.append((network, asset, int(dollars * Decimal(10**each.asset.decimals))))
    return found


def _words(text: str) -> dict[str, str]:
    """The text, and its last word apart when it may be half typed."""
    last = _LAST_WORD.search(text)
    if last is None or text.count('"') % 2:
        return {"text": text, "head": text, "prefix": ""}
    return {"text": text, "head": text[: last.start()], "prefix": f"'{last[0].lower()}':*"}


def _page(query: Query, asked: _Asked, position: Position | None) -> str:
    """The statement that names a page of listings, in order."""
    if position is not None:
        asked.values.update(after=position.key, after_id=position.listing_id)
    if _is_ranked(query):
        return _RANKED.format(asked=asked.sql, after=_AFTER_RANK if position else "")
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
# The words as people write them for a search, or the same with the last one half typed.
_TEXT: Final = """
    websearch_to_tsquery('english', %(text)s)
    || (websearch_to_tsquery('english', %(head)s) && to_tsquery('simple', %(prefix)s))
"""
# How well the words fit, up to three times as much where the figures are good.
_RANKED: Final = f"""
    select listing_id, key from (
        select c.listing_id,
               -(ts_rank(c.search, ({_TEXT}), 1)::float8 * (1 + 2 * c.score / 1000.0::float8)) key
          from (select e.listing_id, e.search, e.score from entry e where {{asked}}
                 order by e.score desc, e.listing_id limit {CANDIDATES_MAX}) c) ranked
     {{after}} order by key, listing_id limit %(most)s
"""  # noqa: S608 - composed of our own constants only
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
# One price that fits in every way; a subselect with a limit stays where it is, row by row.
_PAYABLE: Final = """
    (select true from payments_openoffer p
       join unnest(%(networks)s::text[], %(assets)s::text[], %(amounts)s::numeric[])
            as ok(network, asset, most) on ok.network = p.network and ok.asset = p.asset
      where p.listing_id = e.listing_id and p.closed_at is null and p.amount_atomic <= ok.most
        and (%(pay_to)s = '' or p.pay_to = %(pay_to)s)
        and (%(scheme)s = '' or p.scheme = %(scheme)s) limit 1)
"""
