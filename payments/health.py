"""Whether a network can take new payments, as its settler last saw it.

The door reads one row; what it cannot know from there (is anybody settling at all?) it knows
from the row's age.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from django.db import connection

from payments import restored
from payments.chains import Block
from payments.database.pool import Pool, rows
from payments.settling.desk import Desk

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
TROUBLE_SECONDS = 3.0
SILENT_SECONDS = 3  # so long nobody may see the chain's head before payments are refused for it
SILENT = "the chain's node does not answer"
STANDS = "the chain has not moved for a while"
NOBODY = "nobody settles this network at the moment"


class HealthBook:
    """Writes a network's row at most once a second, with why it cannot be settled, if it cannot."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._written_at = self._asked_at = -TROUBLE_SECONDS
        self._refusing = ""

    async def write(self, head: Block) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= TROUBLE_SECONDS:
            trouble = await self._desk.way.trouble(self._desk, head)
            held = await restored.why_held(self._desk.pool)
            self._refusing = trouble or held
            self._asked_at = now
        if now - self._written_at < WRITE_SECONDS:
            return
        self._written_at = now
        await rows(
            self._desk.pool,
            """
            insert into payments_chainhealth
                (network, head_number, head_hash, head_time, seen_at, refusing_why)
            values (%s, %s, %s, to_timestamp(%s), clock_timestamp(), %s)
            on conflict (network) do update set head_number = excluded.head_number,
                head_hash = excluded.head_hash, head_time = excluded.head_time,
                seen_at = excluded.seen_at, refusing_why = excluded.refusing_why
            returning 1
            """,
            (self._desk.terms.network, head.number, head.hash, head.timestamp, self._refusing),
        )

    async def write_silent(self) -> None:
        """The node does not answer: said in its row, unless another worker hears one."""
        await rows(
            self._desk.pool,
            """
            update payments_chainhealth set refusing_why = %(why)s, seen_at = clock_timestamp()
             where network = %(network)s
               and (seen_at < clock_timestamp() - make_interval(secs => %(silent)s)
                    or refusing_why = %(why)s)
            returning 1
            """,
            {"network": self._desk.terms.network, "why": SILENT, "silent": SILENT_SECONDS},
        )


_WORDS = {"nobody": NOBODY, "stands": STANDS}
_READ = """
    select network, head_number, extract(epoch from head_time)::bigint,
           case when seen_at < clock_timestamp() - make_interval(secs => %(stale)s)
                then %(nobody)s
                when head_time < clock_timestamp() - make_interval(secs => %(stale)s)
                then %(stands)s
                else refusing_why end
      from payments_chainhealth
"""


@dataclass(frozen=True, slots=True)
class Health:
    """What the door needs to know of a network before it takes a payment."""

    head_number: int
    head_time_unix: int
    refusing_why: str


async def read_health(pool: Pool, *, stale_seconds: float) -> dict[str, Health]:
    """Every network that somebody settles. A row grown old means that nobody does."""
    found = await rows(pool, _READ, {**_WORDS, "stale": stale_seconds})
    return {network: Health(*rest) for network, *rest in found}


def why_refused(stale_seconds: float) -> dict[str, str]:
    """Why doors refuse payments of a network, in their own words; nothing where they do not."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, {**_WORDS, "stale": stale_seconds})
        return {network: why for network, _, _, why in cursor.fetchall()}
