"""Gas is the operator's money: counted and capped per seller and day, and per contract wallet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from payments.chains import TransactionReceipt
from payments.pool import Connection, Pool, one, rows

_ATTRIBUTE = """
    with mined as materialized (
        select b.relayer_id, b.nonce, t.cost
          from unnest(%(tx)s::bytea[], %(cost)s::numeric[]) as t(tx, cost)
          join payments_broadcast b on b.transaction = t.tx
    ), carried as (
        select p.network, p.seller_id, m.cost, count(*) as payments,
               sum(count(*)) over (partition by m.relayer_id, m.nonce) as all_payments
          from mined m
          join payments_progress g on g.relayer_id = m.relayer_id and g.relayer_nonce = m.nonce
          join payments_payment p on p.id = g.payment_id
         group by p.network, p.seller_id, m.relayer_id, m.nonce, m.cost
    )
    insert into payments_gasuse (network, seller_id, day, gas_wei, payments)
    select network, seller_id, (now() at time zone 'utc')::date,
           sum(ceil(cost * payments / all_payments)), sum(payments)
      from carried
     group by network, seller_id
     order by seller_id
    on conflict (day, network, seller_id) do update
       set gas_wei = payments_gasuse.gas_wei + excluded.gas_wei,
           payments = payments_gasuse.payments + excluded.payments
"""


async def attribute(connection: Connection, receipts: Sequence[TransactionReceipt]) -> None:
    """Share the cost of mined transactions among the sellers whose payments they carried."""
    if receipts:
        values = {
            "tx": [receipt.transaction for receipt in receipts],
            "cost": [receipt.cost_wei for receipt in receipts],
        }
        await connection.execute(_ATTRIBUTE, values)


async def over_cap(pool: Pool, caps_wei: Mapping[str, int]) -> frozenset[tuple[str, UUID]]:
    """The sellers, by network, for whom no more gas is spent today; a cap of 0 is none."""
    found = await rows(
        pool,
        """
        select g.network, g.seller_id from payments_gasuse g
          join unnest(%s::text[], %s::numeric[]) as c(network, most) on c.network = g.network
         where g.day = (now() at time zone 'utc')::date and c.most > 0 and g.gas_wei >= c.most
        """,
        (list(caps_wei), list(caps_wei.values())),
    )
    return frozenset((network, seller_id) for network, seller_id in found)


CONTRACT_FAILURES_MAX = 3  # reverted transactions of ours per contract wallet and hour


async def contract_budget_left(pool: Pool, payer: str) -> bool:
    """Whether a contract wallet may make us pay for another attempt at its payments.

    Each sending again tells of a failure before it; the last failure has none after it. What
    has failed once goes alone from then on.
    """
    row = await one(
        pool,
        """
        select coalesce(sum((g.money in ('broadcast', 'failed'))::int + (
                   select count(*) from payments_step s
                    where s.payment_id = p.id and s.why = 'sent again'
                      and s.at > p.created_at - interval '1 minute')), 0)
          from payments_payment p join payments_progress g on g.payment_id = p.id
         where p.payer = %s and p.payer_has_code and p.created_at > now() - interval '1 hour'
           and g.alone
        """,
        (payer,),
    )
    return row is not None and row[0] < CONTRACT_FAILURES_MAX
