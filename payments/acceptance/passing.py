"""What passes of streamed answers: written down while it passes, let go of once it is all stored.

Nothing here says what becomes of the money: that is the one store of the whole answer, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from payments.cut_streams import LAST_DAY
from payments.database.pool import Pool


@dataclass(frozen=True, slots=True)
class NewPart:
    """Some bytes of an attempt's answer; those before it are written already."""

    payment_id: UUID
    attempt: int
    number: int
    content_type: str
    content_encoding: str
    body: bytes


# Where a commit was lost the same number comes again, with at least the same bytes. Whoever lost
# their attempt to another one may still write when that one's answer is stored.
_KEEP = f"""
insert into payments_streampart (
    payment_id, keep_until, attempt, number, content_type, content_encoding, body)
select p.id, {LAST_DAY}, m.attempt, m.number, m.type, m.encoding, m.body
  from unnest(
        %(id)s::uuid[], %(attempt)s::smallint[], %(number)s::int[], %(type)s::text[],
        %(encoding)s::text[], %(body)s::bytea[]
    ) as m(id, attempt, number, type, encoding, body)
  join payments_payment p on p.id = m.id
  join payments_progress g on g.payment_id = p.id and g.work <> 'answered'
    on conflict (payment_id, keep_until, attempt, number) do update set body = excluded.body
"""  # noqa: S608 - composed of our own constants only


async def keep_together(pool: Pool, parts: Sequence[NewPart]) -> list[None]:
    """Write down what has passed; of one stream one part at a time, in their order."""
    values = {
        "id": [part.payment_id for part in parts],
        "attempt": [part.attempt for part in parts],
        "number": [part.number for part in parts],
        "type": [part.content_type for part in parts],
        "encoding": [part.content_encoding for part in parts],
        "body": [part.body for part in parts],
    }
    async with pool.connection() as connection:
        await connection.execute(_KEEP, values)
    return [None for _ in parts]


_LET_GO = f"""
delete from payments_streampart s using payments_payment p
 where p.id = %s and s.payment_id = p.id and s.keep_until = {LAST_DAY}
"""  # noqa: S608 - composed of our own constants only


async def let_go(pool: Pool, payment_id: UUID) -> None:
    """The answer is stored whole, and the parts of all attempts at it are no longer needed."""
    async with pool.connection() as connection:
        await connection.execute(_LET_GO, (payment_id,))
