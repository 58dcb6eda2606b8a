"""What was given to whom: every asking of a facilitator, written down before it is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import Rollback

from payments.database.pool import Connection, Pool, one, rows
from payments.models import Money, Submission
from payments.moves import NEVER, move, seconds_from_now
from payments.settling.desk import Desk, Row
from payments.states import State

Outcome = Submission.Outcome


@dataclass(frozen=True, slots=True)
class Asked:
    """One asking, and what came of it."""

    number: int
    facilitator: str
    outcome: Submission.Outcome
    is_answered: bool
    age_seconds: float
    transaction: bytes | None

    @property
    def may_have_acted(self) -> bool:
        return self.outcome != Outcome.UNSENT


async def asked_before(pool: Pool, ids: Sequence[UUID]) -> dict[UUID, list[Asked]]:
    """Every asking of these payments, oldest first."""
    found = await rows(
        pool,
        "select payment_id, number, facilitator, outcome, answered_at is not null,"
        " extract(epoch from clock_timestamp() - asked_at)::float8, transaction"
        " from payments_submission where payment_id = any(%s) order by payment_id, number",
        (list(ids),),
    )
    asked: dict[UUID, list[Asked]] = defaultdict(list)
    for payment_id, number, facilitator, outcome, *rest in found:
        asked[payment_id].append(Asked(number, facilitator, Outcome(outcome), *rest))
    return asked


async def write_down(
    desk: Desk, row: Row, facilitator: str, number: int, *, look_seconds: float
) -> bool:
    """Commit that this facilitator is asked for it; False when somebody else was first."""
    given_already = row.money == Money.BROADCAST and row.facilitator == facilitator
    async with desk.pool.connection() as connection, connection.transaction() as changes:
        version = row.version
        if not given_already:
            version += 1
            if not await _give(connection, row, facilitator, number, look_seconds):
                return False
        if await _insert(connection, row.payment_id, version, facilitator, number):
            return True
        raise Rollback(changes)
    return False


async def _give(
    connection: Connection, row: Row, facilitator: str, number: int, look_seconds: float
) -> bool:
    return await move(
        connection,
        row.standing,
        State(row.work, Money.BROADCAST),
        why="given to a facilitator" if number == 1 else "given to another facilitator",
        detail={"facilitator": facilitator},
        facilitator=facilitator,
        relayer_id=NEVER,
        relayer_nonce=NEVER,
        next_check_at=seconds_from_now(look_seconds),
    )


async def _insert(
    connection: Connection, payment_id: UUID, version: int, facilitator: str, number: int
) -> bool:
    cursor = await connection.execute(
        """
        insert into payments_submission (payment_id, number, facilitator, asked_at, outcome, said)
        select g.payment_id, %s, %s, clock_timestamp(), 'unknown', ''
          from payments_progress g
         where g.payment_id = %s and g.version = %s and g.money = 'broadcast'
            on conflict do nothing returning 1
        """,
        (number, facilitator, payment_id, version),
    )
    return await cursor.fetchone() is not None


async def note(
    pool: Pool,
    payment_id: UUID,
    number: int,
    outcome: Submission.Outcome,
    transaction: bytes | None,
    said: str,
) -> None:
    """Keep what a facilitator answered."""
    await one(
        pool,
        "update payments_submission set answered_at = clock_timestamp(), outcome = %s,"
        " transaction = %s, said = %s where payment_id = %s and number = %s"
        " and answered_at is null returning 1",
        (outcome.value, transaction, said, payment_id, number),
    )


async def disprove(pool: Pool, payment_id: UUID, number: int) -> None:
    """The chain has the transaction that was named, and this payment is not in it."""
    await one(
        pool,
        "update payments_submission set outcome = 'disproved' where payment_id = %s and number = %s"
        " returning 1",
        (payment_id, number),
    )
