"""How often each listing was quoted: counted in memory, added up now and then, shown as "about"."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from payments.pool import Pool, rows

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
        # By the id's number, which is hashed faster than a UUID, and minutes since 1970.
        self._counted: Counter[tuple[int, float]] = Counter()

    def quoted(self, listing_id: UUID) -> None:
        if len(self._counted) < LISTINGS_COUNTED_MAX:
            self._counted[listing_id.int, time.time() // 60] += 1

    async def keep(self, pool: Pool) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush(pool)

    async def flush(self, pool: Pool) -> None:
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        listings = [UUID(int=number) for number, _ in counted]
        minutes = [datetime.fromtimestamp(60 * minute, UTC) for _, minute in counted]
        try:
            await rows(pool, _ADD, (listings, minutes, list(counted.values())))
        except (psycopg.Error, TimeoutError):
            self._counted.update(counted)
