"""What follows from the chain's word: the moves of the money, with ledger and receipts.

Each function is one transaction: the facts, the counters, the ledger and the receipt change
together or not at all. Nothing here talks to the network.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from payments import ledger
from payments.database.pool import Connection
from payments.exposure import risk
from payments.marks import CLOSE
from payments.models import Money
from payments.moves import NEVER, NOW, move, move_together, seconds_from_now
from payments.receipts import issuing
from payments.relaying import relayer
from payments.settling.desk import Desk, Row
from payments.settling.evidence import Proof
from payments.states import State

log = logging.getLogger(__name__)


async def _rebalance(connection: Connection, moved: Sequence[tuple[Row, Money]]) -> None:
    await risk.rebalance(
        connection,
        [risk.Change(row.payment_id, row.state, State(row.work, to)) for row, to in moved],
    )


_WHERE_PROVEN = sql.SQL(
    "jsonb_build_object('transaction', '0x' || encode(transaction, 'hex'), 'block', block_number)"
)


async def settle(desk: Desk, paid: Sequence[tuple[Row, Proof]], why: str) -> None:
    """The money has moved in a canonical block."""
    if not paid:
        return
    proofs = [proof for _, proof in paid]
    async with desk.pool.connection() as connection, connection.transaction():
        stepped = await move_together(
            connection,
            [row.standing for row, _ in paid],
            Money.SETTLED,
            why=why,
            detail=_WHERE_PROVEN,
            each={
                "transaction": [p.transaction for p in proofs],
                "block_number": [p.block_number for p in proofs],
                "block_hash": [p.block_hash for p in proofs],
            },
            next_check_at=seconds_from_now(desk.terms.seconds_until_deep(1)),
        )
        moved = [row for row, _ in paid if row.payment_id in stepped]
        await ledger.pend(connection, [row.payment_id for row in moved if not row.is_answered])
        await _rebalance(connection, [(row, Money.SETTLED) for row in moved])
    if moved:
        desk.moved.ring()


async def confirm(desk: Desk, deep: Sequence[Row]) -> None:
    """Deep enough: the ledger is posted and the receipt issued."""
    async with desk.pool.connection() as connection, connection.transaction():
        moved = sorted(
            await move_together(
                connection,
                [row.standing for row in deep],
                Money.CONFIRMED,
                why="confirmed",
                next_check_at=seconds_from_now(desk.terms.block_seconds),
            )
        )
        await ledger.post(connection, moved)
        await issuing.issue(connection, moved, desk.signer)
        known = set(moved)
        confirmed = [(row, Money.CONFIRMED) for row in deep if row.payment_id in known]
        await _rebalance(connection, confirmed)
    if moved:
        desk.moved.ring()


async def receipt_anew(desk: Desk, confirmed: Sequence[Row]) -> None:
    """Paid before it was answered: what became of the work since then is receipted too."""
    if not confirmed:
        return
    async with desk.pool.connection() as connection, connection.transaction():
        cursor = await connection.execute(_OUTDATED, ([row.payment_id for row in confirmed],))
        outdated = [each[0] for each in await cursor.fetchall()]
        await issuing.issue(connection, outdated, desk.signer)


_OUTDATED = """
    select g.payment_id from payments_progress g
     where g.payment_id = any(%s) and g.money = 'confirmed' and g.work <> 'open'
       and g.version > (select max(r.version) from payments_receipt r
                         where r.payment_id = g.payment_id)
     order by g.payment_id for update
"""


async def uproot(desk: Desk, row: Row) -> None:
    """A reorg took the block away: our bytes can be mined again, or we sign anew."""
    was_confirmed = row.money == Money.CONFIRMED
    ours = row.is_handed_over and row.is_sent
    money = Money.BROADCAST if ours else Money.NONE
    async with desk.pool.connection() as connection, connection.transaction():
        moved = await move(
            connection,
            row.standing,
            State(row.work, money),
            why="reorg",
            detail={"block": row.block_number, "was": row.money.value},
            transaction=NEVER,
            block_number=NEVER,
            block_hash=NEVER,
            next_check_at=NOW,
        )
        if moved and row.block_hash is not None:
            await relayer.forget_block(connection, row.block_hash)
        if moved and was_confirmed:
            await ledger.reverse(connection, [row.payment_id])
            await issuing.issue(connection, [row.payment_id], desk.signer)
        if moved:
            await _rebalance(connection, [(row, money)])
    if moved and was_confirmed:
        log.critical("reorg deeper than the confirmation depth: payment %s", row.payment_id)
    if moved:
        desk.moved.ring()


async def fail(desk: Desk, unpaid: Sequence[Row], why: str) -> None:
    """The chain showed at a final block that this money will never come."""
    if not unpaid:
        return
    async with desk.pool.connection() as connection, connection.transaction():
        moved = await move_together(
            connection,
            [row.standing for row in unpaid],
            Money.FAILED,
            why=why,
            next_check_at=NEVER,
            closed_at=NOW,
        )
        await ledger.close_unpaid(connection, sorted(moved))
        failed = [(row, Money.FAILED) for row in unpaid if row.payment_id in moved]
        await _rebalance(connection, failed)
        await _wipe(connection, sorted(moved))
    desk.moved.ring()


async def close(desk: Desk, final: Sequence[Row]) -> None:
    """Final on chain: nothing to look for any more, and no signature to keep."""
    ids = [row.payment_id for row in final]
    async with desk.pool.connection() as connection, connection.transaction():
        cursor = await connection.execute(CLOSE, (ids,))
        await _wipe(connection, [each[0] for each in await cursor.fetchall()])


async def _wipe(connection: Connection, ids: Sequence[UUID]) -> None:
    if ids:
        await connection.execute(
            "update payments_payment set signature = null where id = any(%s)", (list(ids),)
        )
