"""The ledger: immutable lines from a buyer's wallet to a seller's; nothing else writes them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from payments.ids import new_id
from payments.pool import Connection

# A fragment of the statement that stores answers (acceptance): its members are `answered`.
PENDING_OF_ANSWERED = """
    insert into payments_transfer (
        id, payment_id, debit, credit, network, asset, amount_atomic, phase, version, at)
    select t.transfer, p.id, 'buyer:' || p.payer, 'seller:' || p.seller_id, p.network, p.asset,
           p.amount_atomic, 'pending', a.version, clock_timestamp()
      from answered a join payments_payment p on p.id = a.payment_id
      join unnest(%(id)s::uuid[], %(transfer)s::uuid[]) as t(id, transfer) on t.id = p.id
    on conflict (payment_id) where phase = 'pending' do nothing
"""

_LINE = """
    insert into payments_transfer (
        id, payment_id, debit, credit, network, asset, amount_atomic, phase, version, at,
        transaction)
    select t.transfer, p.id, 'buyer:' || p.payer, 'seller:' || p.seller_id, p.network, p.asset,
           p.amount_atomic, %(phase)s, g.version, clock_timestamp(), g.transaction
      from unnest(%(id)s::uuid[], %(transfer)s::uuid[]) as t(id, transfer)
      join payments_payment p on p.id = t.id
      join payments_progress g on g.payment_id = p.id
"""


async def _write(connection: Connection, phase: str, ids: Sequence[UUID], tail: str) -> None:
    if ids:
        values = {"phase": phase, "id": list(ids), "transfer": [new_id() for _ in ids]}
        await connection.execute(_LINE + tail, values)


async def pend(connection: Connection, ids: Sequence[UUID]) -> None:
    """Money that moved before, or without, an answer: its pending line, if it has none yet."""
    await _write(
        connection, "pending", ids, " on conflict (payment_id) where phase = 'pending' do nothing"
    )


async def post(connection: Connection, ids: Sequence[UUID]) -> None:
    await _write(connection, "post", ids, "")


async def reverse(connection: Connection, ids: Sequence[UUID]) -> None:
    """A reorg took a confirmed payment back; the line says so, the earlier one stays."""
    await _write(connection, "reverse", ids, "")


async def close_unpaid(connection: Connection, ids: Sequence[UUID]) -> None:
    """An answer whose money never came: its pending line is closed by a void.

    After a deep reorg there may be a post and its reversal already: they have closed it.
    """
    await _write(
        connection,
        "void",
        ids,
        " where '{pending}' = (select array_agg(x.phase) from payments_transfer x"
        " where x.payment_id = p.id)",
    )
