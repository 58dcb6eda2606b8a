"""Answers stored against their payments: one statement, one commit for all that come together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from payments import ledger
from payments.database.pool import Pool
from payments.ids import new_id
from payments.moves import ANSWER_MEMBERS


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """A complete, billable answer, about to be stored before anybody is charged for it."""

    payment_id: UUID
    attempt: int
    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes
    upstream_ms: int

    @property
    def body_hash(self) -> bytes:
        return hashlib.sha256(self.body).digest()


_RECORD = f"""
with member as (
    select * from unnest(
        %(ix)s::int[], %(id)s::uuid[], %(attempt)s::smallint[], %(status)s::smallint[],
        %(headers)s::jsonb[], %(type)s::text[], %(body)s::bytea[], %(hash)s::bytea[],
        %(ms)s::int[]
    ) as t(ix, id, attempt, status, headers, type, body, hash, ms)
), {ANSWER_MEMBERS}, stored as (
    insert into payments_answer (
        payment_id, stored_at, keep_until, status, headers, content_type, body_bytes, body_hash,
        upstream_ms)
    select m.id, clock_timestamp(), (now() at time zone 'utc')::date + p.answer_keep_days + 1,
           m.status, m.headers, m.type, octet_length(m.body), m.hash, m.ms
      from member m join answered a on a.payment_id = m.id
      join payments_payment p on p.id = m.id
    returning payment_id, keep_until
), bodied as (
    insert into payments_answerbody (payment_id, keep_until, body)
    select s.payment_id, s.keep_until, m.body from stored s join member m on m.id = s.payment_id
), pending as (
{ledger.PENDING_OF_ANSWERED}
), stepped as (
    insert into payments_step (payment_id, version, at, work, money, why, detail)
    select a.payment_id, a.version, clock_timestamp(), 'answered', a.money, 'answered',
           jsonb_build_object('status', m.status, 'bytes', octet_length(m.body), 'ms', m.ms)
      from answered a join member m on m.id = a.payment_id
)
select m.ix, a.payment_id is not null from member m left join answered a on a.payment_id = m.id
"""  # noqa: S608 - composed of our own constants only


async def record_together(pool: Pool, answers: Sequence[NewAnswer]) -> list[bool]:
    """Store complete answers and say so; False where the attempt is no longer this one.

    The guard is the attempt, not the version: the chain may have moved the money meanwhile,
    and that must not cost the buyer an answer that is already in hand.
    """
    values = {
        "ix": list(range(len(answers))),
        "id": [answer.payment_id for answer in answers],
        "attempt": [answer.attempt for answer in answers],
        "status": [answer.status for answer in answers],
        "headers": [Jsonb(answer.headers) for answer in answers],
        "type": [answer.content_type for answer in answers],
        "body": [answer.body for answer in answers],
        "hash": [answer.body_hash for answer in answers],
        "ms": [answer.upstream_ms for answer in answers],
        "transfer": [new_id() for _ in answers],
    }
    async with pool.connection() as connection:
        cursor = await connection.execute(_RECORD, values)
        found: dict[int, bool] = dict(await cursor.fetchall())
    return [found[ix] for ix in range(len(answers))]
