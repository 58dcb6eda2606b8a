"""Tells sellers which of their listings this door does not sell because their endpoints fail.

The breaker is in memory and asks nobody; what it knows is said now and then, beside the calls.
"""

from __future__ import annotations

import asyncio
import time
from itertools import islice

import psycopg

from marketplace.calls.breaker import Breaker, Shut
from payments.database.pool import Pool, rows
from payments.ids import new_id

TELL_SECONDS = 3.0
SAY_AGAIN_SECONDS = 60.0
GOOD_FOR_SECONDS = 180  # a door that died says nothing more, and is believed for so long
LISTINGS_TOLD_MAX = 1_000

_TELL = """
    with told as (
        select l.id as listing_id, t.since, t.until, t.failures, t.why
          from unnest(%(paths)s::text[], %(since)s::float8[], %(until)s::float8[],
                      %(failures)s::int[], %(whys)s::text[])
               as t(path, since, until, failures, why)
          join sellers_seller s on s.slug = split_part(t.path, '/', 1)
          join sellers_listing l on l.seller_id = s.id and l.slug = split_part(t.path, '/', 2)
    ), gone as (
        delete from sellers_breaker b using sellers_listing l, sellers_seller s
         where b.door = %(door)s and b.listing_id = l.id and l.seller_id = s.id
           and s.slug || '/' || l.slug = any(%(gone)s)
    )
    insert into sellers_breaker (door, listing_id, since, until, failures, why, expires_at)
    select %(door)s, listing_id, to_timestamp(since), to_timestamp(until), failures, why,
           now() + make_interval(secs => %(good_for)s)
      from told
    on conflict (door, listing_id) do update
       set since = excluded.since, until = excluded.until, failures = excluded.failures,
           why = excluded.why, expires_at = excluded.expires_at
    returning 1
"""
_TAKE_BACK = "delete from sellers_breaker where door = %s returning 1"


class Troubles:
    """What one door says of its breaker: changes soon, and what stays once a minute."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self._door = new_id()
        self._told: dict[str, tuple[Shut, float]] = {}

    async def keep(self, pool: Pool) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            await self.tell(pool, asyncio.get_running_loop().time())

    async def tell(self, pool: Pool, now: float) -> None:
        """Say what is new; a listing that is sold again is said at once, too."""
        shut = {each.listing: each for each in islice(self._breaker.shut(), LISTINGS_TOLD_MAX)}
        news = [each for each in shut.values() if self._is_news(each, now)]
        gone = [listing for listing in self._told if listing not in shut]
        if not news and not gone:
            return
        try:
            await rows(pool, _TELL, self._values(news, gone, now))
        except (psycopg.Error, TimeoutError):
            return  # said the next time
        self._told.update((each.listing, (each, now)) for each in news)
        for listing in gone:
            del self._told[listing]

    async def take_back(self, pool: Pool) -> None:
        """A door that closes in order leaves no word behind."""
        if not self._told:
            return
        try:
            await rows(pool, _TAKE_BACK, (self._door,))
        except (psycopg.Error, TimeoutError):
            return  # its word runs out by itself

    def _is_news(self, shut: Shut, now: float) -> bool:
        said, at = self._told.get(shut.listing, (None, 0.0))
        return said != shut or now - at >= SAY_AGAIN_SECONDS

    def _values(self, news: list[Shut], gone: list[str], now: float) -> dict[str, object]:
        wall = time.time() - now  # what the breaker's clock read at the epoch
        return {
            "door": self._door,
            "paths": [each.listing for each in news],
            "since": [wall + each.since for each in news],
            "until": [wall + each.until for each in news],
            "failures": [each.failures for each in news],
            "whys": [each.why for each in news],
            "gone": gone,
            "good_for": GOOD_FOR_SECONDS,
        }
