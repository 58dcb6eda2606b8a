"""The ledger: immutable lines from a buyer's wallet to a seller's; nothing else writes them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection as django_connection

from payments.database.pool import Connection
from payments.ids import new_id

# A fragment of the statement that stores answers (answering): its members are `answered`.
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


# A refund goes the other way, from the seller to the buyer, and so does the line that reverses
# it. A payment's own lines carry its versions; these are numbered downwards, and cannot meet them.
_OF_REFUND = """
    insert into payments_transfer (
        id, payment_id, debit, credit, network, asset, amount_atomic, phase, version, at,
        transaction)
    select %(line)s, p.id, 'seller:' || p.seller_id, 'buyer:' || p.payer, p.network, p.asset,
           r.amount_atomic, %(phase)s,
           (select least(coalesce(min(t.version), 0), 0) - 1 from payments_transfer t
             where t.payment_id = p.id),
           clock_timestamp(), r.transaction
      from payments_refund r join payments_payment p on p.id = r.payment_id
     where r.id = %(refund)s
"""


def refund(refund_id: UUID) -> None:
    """Money went back to the buyer, as a transfer on chain shows."""
    _write_refund("refund", refund_id)


def reverse_refund(refund_id: UUID) -> None:
    """A reorg took a booked refund back."""
    _write_refund("reverse", refund_id)


def _write_refund(phase: str, refund_id: UUID) -> None:
    with django_connection.cursor() as cursor:
        cursor.execute(_OF_REFUND, {"line": new_id(), "phase": phase, "refund": refund_id})
