"""How often each listing was quoted: counted in memory, added up now and then, shown as "about"."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from payments.database.pool import Pool, rows

FLUSH_SECONDS = 10.0
LISTINGS_COUNTED_MAX = 100_000  # between two flushes

_ADD = """
    with counted as (
        select * from unnest(%s::uuid[], %s::timestamptz[], %s::bigint[])
            as t(listing_id, minute, challenges)
    ), added_to_day as (
        insert into payments_challengeday (listing_id, day, challenges)
        select listing_id, (minute at time zone 'utc')::date, sum(challenges)
          from counted group by 1, 2 order by 1, 2
        on conflict (listing_id, day) do update
           set challenges = payments_challengeday.challenges + excluded.challenges
    )
    insert into payments_challengecount (listing_id, minute, challenges)
    select * from counted order by 1, 2
    on conflict (listing_id, minute) do update
       set challenges = payments_challengecount.challenges + excluded.challenges
    returning 1
"""


class Tally:
    """Quotes per listing and minute. A process that dies loses the last few seconds of them."""

    def __init__(self) -> None:
        # By the id's number, which is hashed faster than a UUID.
        self._counted: dict[int, int] = {}

    def quoted(self, listing_id: UUID) -> None:
        counted, number = self._counted, listing_id.int
        if len(counted) < LISTINGS_COUNTED_MAX:
            counted[number] = counted.get(number, 0) + 1

    async def keep(self, pool: Pool) -> None:
        while True:  # at every sixth of a minute, so that what is added up is of one minute
            await asyncio.sleep(FLUSH_SECONDS - time.time() % FLUSH_SECONDS)
            await self.flush(pool)

    async def flush(self, pool: Pool) -> None:
        counted, self._counted = self._counted, {}
        if not counted:
            return
        listings = [UUID(int=number) for number in counted]
        minute = datetime.fromtimestamp((time.time() - FLUSH_SECONDS / 2) // 60 * 60, UTC)
        try:
            await rows(pool, _ADD, (listings, [minute] * len(counted), list(counted.values())))
        except (psycopg.Error, TimeoutError):  # they count later
            for number, quotes in counted.items():
                self._counted[number] = self._counted.get(number, 0) + quotes
