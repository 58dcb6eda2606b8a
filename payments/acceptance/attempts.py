"""One attempt after another at what was bought: given up, tried again, taken up; under a lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from psycopg import Rollback, sql

from payments import lookup
from payments.acceptance.promise import TAKE_NAMES, name_lock
from payments.database.pool import Connection, Pool, one
from payments.exposure import risk
from payments.exposure.exposure import CapLimit
from payments.limits import owners
from payments.lookup import Held
from payments.marks import DROP, RENEW_LEASES
from payments.models import Money, Work
from payments.moves import LEASE_OVER, NEVER, NOW, move, seconds_from_now
from payments.states import Standing, State


async def void(
    pool: Pool, standing: Standing, *, why: str, detail: dict[str, object], definite: bool
) -> bool:
    """The work is not billable: nothing is charged, and the amount is no longer at risk.

    `definite` says that the upstream itself answered so; else it, or an attempt before it, may have
    done the work all the same.
    """
    after = State(Work.VOID, standing.state.money)
    async with pool.connection() as connection, connection.transaction():
        moved = await move(
            connection,
            standing,
            after,
            why=why,
            detail=detail,
            lease_until=NEVER,
            definite_failures=sql.SQL(f"definite_failures + {int(definite)}"),
            next_check_at=NEVER if after.money == Money.FAILED else NOW,
        )
        if moved:
            change = risk.Change(standing.payment_id, standing.state, after)
            await risk.rebalance(connection, [change])
    return moved


class Reopening(StrEnum):
    REOPENED = "reopened"
    TOO_LATE = "too_late"
    CAP_REACHED = "cap_reached"
    NAME_TAKEN = "name_taken"  # another payment bought under the same identifier meanwhile
    LIMITS_CHANGED = "limits_changed"  # since the wallet's owner's rules were looked at


async def reopen(
    pool: Pool,
    held: Held,
    caps: Sequence[CapLimit],
    *,
    lease_seconds: float,
    limits_version: int = 0,
) -> Reopening:
    """A voided payment gets a new attempt at its own request, under a new lease.

    The row is locked before its counters, as in every other move. `limits_version` is of the
    owner's rules that were looked at; 0: there were none.
    """
    standing = held.standing
    after = State(Work.OPEN, standing.state.money)
    change = risk.Change(standing.payment_id, standing.state, after)
    async with pool.connection() as connection, connection.transaction() as changes:
        if held.identifier_hash and await _has_namesake(connection, held, held.identifier_hash):
            return Reopening.NAME_TAKEN
        moved = await move(
            connection,
            standing,
            after,
            why="tried again",
            lease_until=seconds_from_now(lease_seconds),
            next_check_at=NOW if standing.upfront else NEVER,
            abandoned_at=NEVER,
            attempt=sql.SQL("attempt + 1"),
            on_trust=False,  # a second attempt waits for its money
        )
        if not moved:
            return Reopening.TOO_LATE
        fits = await risk.fits_again(connection, standing.payment_id, caps)
        # Whoever changes the rules holds the payer's counter meanwhile: asked once we hold it.
        is_current = await owners.version_of(connection, held.payer) == limits_version
        if fits and is_current:
            await risk.count_in(connection, standing.payment_id, caps)
            await risk.rebalance(connection, [change])
            return Reopening.REOPENED
        raise Rollback(changes)
    return Reopening.CAP_REACHED if is_current else Reopening.LIMITS_CHANGED


async def _has_namesake(connection: Connection, held: Held, identifier_hash: bytes) -> bool:
    """Claims under this identifier wait until the transaction ends, or have come before it."""
    await connection.execute(TAKE_NAMES, ([name_lock(held.payer, identifier_hash)],))
    values = {"identifier": identifier_hash, "payer": held.payer, "identity": held.identity}
    cursor = await connection.execute(lookup.NAMESAKE, values)
    return await cursor.fetchone() is not None


async def take_up(pool: Pool, standing: Standing, *, lease_seconds: float) -> bool:
    """Work that is paid for and whose process is gone gets a new attempt, under a new lease."""
    async with pool.connection() as connection, connection.transaction():
        return await move(
            connection,
            standing,
            standing.state,
            why="taken up again",
            guard=LEASE_OVER,
            lease_until=seconds_from_now(lease_seconds),
            abandoned_at=NEVER,
            attempt=sql.SQL("attempt + 1"),
        )


async def drop(pool: Pool, payment_id: UUID, attempt: int) -> None:
    """Money is on its way for work that nobody waits for: whoever comes next may take it up."""
    await one(pool, DROP, (payment_id, attempt))


async def renew_leases(pool: Pool, attempts: Mapping[UUID, int], *, lease_seconds: float) -> None:
    """Say that this process is still at work on these calls: one UPDATE for all of them."""
    if attempts:
        async with pool.connection() as connection:
            await connection.execute(
                RENEW_LEASES,
                (list(attempts), lease_seconds, list(attempts), list(attempts.values())),
            )
