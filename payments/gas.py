"""Gas is the operator's money: counted per seller and day, and capped."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from payments.chains import TransactionReceipt
from payments.pool import Connection, Pool, rows

_ATTRIBUTE = """
    with carried as (
        select p.network, p.seller_id, count(*) as payments, sum(count(*)) over () as all_payments
          from payments_progress g join payments_payment p on p.id = g.payment_id
         where (g.relayer_id, g.relayer_nonce) = (
                   select b.relayer_id, b.nonce from payments_broadcast b
                    where b.transaction = %(tx)s)
         group by p.network, p.seller_id
    )
    insert into payments_gasuse (network, seller_id, day, gas_wei, payments)
    select network, seller_id, (now() at time zone 'utc')::date,
           ceil(%(cost)s::numeric * payments / all_payments), payments
      from carried
     order by seller_id
    on conflict (day, network, seller_id) do update
       set gas_wei = payments_gasuse.gas_wei + excluded.gas_wei,
           payments = payments_gasuse.payments + excluded.payments
"""


async def attribute(connection: Connection, receipt: TransactionReceipt) -> None:
    """Share a mined transaction's cost among the sellers whose payments it carried."""
    await connection.execute(
        _ATTRIBUTE,
        {
            "tx": receipt.transaction,
            "cost": receipt.gas_used * receipt.effective_gas_price_wei,
        },
    )


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
