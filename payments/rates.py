"""How often something may be tried: counted in the database, so that all processes count together.

The rows hold hashes only, and go when their time is over. They are written without the log that
makes a commit durable: a count that a crash forgets harms nobody, and costs no wait for the disk.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import connection

from payments.database.pool import Pool, rows
from payments.models import Tries
from payments.wiring.keys import count_secret

MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something was tried in its time, and how long that still lasts."""

    most: int
    count: int
    seconds_left: float

    @property
    def allows(self) -> bool:
        return self.count <= self.most

    @property
    def retry_seconds(self) -> int:
        return max(1, math.ceil(self.seconds_left))

    @property
    def headers(self) -> dict[str, str]:
        """What a program reads to know how fast it may go on."""
        told = {
            "RateLimit-Limit": str(self.most),
            "RateLimit-Remaining": str(max(0, self.most - self.count)),
            "RateLimit-Reset": str(self.retry_seconds),
        }
        return told if self.allows else {**told, "Retry-After": str(self.retry_seconds)}


# One statement, so that many at once are counted one by one.
_TAKE = """
    insert into accounts_tries as t (key, count, until)
    values (%s, 1, clock_timestamp() + make_interval(secs => %s))
    on conflict (key) do update set
        count = case when t.until < clock_timestamp() then 1 else t.count + 1 end,
        until = case when t.until < clock_timestamp() then excluded.until else t.until end
    returning count, extract(epoch from until - clock_timestamp())::float8
"""


def take(kind: str, who: str, most: int, seconds: float = MINUTE) -> Rate:
    """Count one more try before it is made; it says whether it may be."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, (key_of(kind, who), seconds))
        count, left = cursor.fetchone()
    return Rate(most, count, left)


def forget(kind: str, who: str) -> None:
    """What was counted so far is void."""
    Tries.objects.filter(key=key_of(kind, who)).delete()


# The same for many keys at once, each so often. In the order of keys, so that nobody waits in a
# circle.
_ADD = """
    insert into accounts_tries as t (key, count, until)
    select key, count, clock_timestamp() + make_interval(secs => %s)
      from unnest(%s::bytea[], %s::int[]) as new(key, count) order by key
    on conflict (key) do update set
        count = case when t.until < clock_timestamp() then excluded.count
                     else t.count + excluded.count end,
        until = case when t.until < clock_timestamp() then excluded.until else t.until end
    returning key, count, extract(epoch from until - clock_timestamp())::float8
"""


async def add(pool: Pool, counts: Mapping[bytes, int], seconds: float) -> dict[bytes, Rate]:
    """What a process counted by itself, added to what all of them have; returns the sums."""
    found = await rows(pool, _ADD, (seconds, list(counts), list(counts.values())))
    return {bytes(key): Rate(0, count, left) for key, count, left in found}


def key_of(kind: str, who: str) -> bytes:
    """Neither a network nor a name can be read from it."""
    said = f"souk tries\n{kind}\n{who}".encode(errors="replace")
    return hmac.digest(count_secret(), said, hashlib.sha256)
