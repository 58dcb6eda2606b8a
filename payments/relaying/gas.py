"""Gas is the operator's money: counted and capped per seller and day, and per payer and hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from payments.chains import TransactionReceipt
from payments.database.pool import Connection, Pool, rows

# What contracts had us spend in vain: they choose where they buy, and would shut a seller's day.
# Doors refuse such wallets by themselves once it is too much; of accounts that only look like none
# they cannot tell, so what those cost in vain stays their seller's, and within its bound.
NOBODY: Final = UUID(int=0)

_ATTRIBUTE = f"""
    with mined as materialized (
        select b.relayer_id, b.nonce, t.cost, t.is_first
          from unnest(%(tx)s::bytea[], %(cost)s::numeric[], %(first)s::bool[])
            as t(tx, cost, is_first)
          join payments_broadcast b on b.transaction = t.tx
    ), carried as (
        select p.network,
               case when p.payer_has_code and p.id = any(%(unpaid)s) then '{NOBODY}'
                    else p.seller_id end as seller_id,
               m.cost, m.is_first, count(*) as payments,
               sum(count(*)) over (partition by m.relayer_id, m.nonce) as all_payments
          from mined m
          join payments_progress g on g.relayer_id = m.relayer_id and g.relayer_nonce = m.nonce
          join payments_payment p on p.id = g.payment_id
         group by 1, 2, m.relayer_id, m.nonce, m.cost, m.is_first
    )
    insert into payments_gasuse (network, seller_id, day, gas_wei, payments)
    select network, seller_id, (now() at time zone 'utc')::date,
           sum(ceil(cost * payments / all_payments)),
           coalesce(sum(payments) filter (where is_first), 0)
      from carried
     group by network, seller_id
     order by seller_id
    on conflict (day, network, seller_id) do update
       set gas_wei = payments_gasuse.gas_wei + excluded.gas_wei,
           payments = payments_gasuse.payments + excluded.payments
"""  # noqa: S608 - composed of our own constants only


@dataclass(frozen=True, slots=True)
class Burnt:
    """What a mined transaction cost beyond what was counted for its number before."""

    transaction: bytes
    wei: int
    is_first: bool  # nothing was

    @staticmethod
    def of(receipt: TransactionReceipt, counted_wei: Decimal | None) -> Burnt:
        more_wei = max(0, receipt.cost_wei - int(counted_wei or 0))
        return Burnt(receipt.transaction, more_wei, counted_wei is None)


async def attribute(
    connection: Connection, burnt: Sequence[Burnt], unpaid: Sequence[UUID] = ()
) -> None:
    """Share the cost of mined transactions among the sellers whose payments they carried.

    Contracts' payments that they did not bring on chain are nobody's.
    """
    if burnt:
        values = {
            "tx": [each.transaction for each in burnt],
            "cost": [each.wei for each in burnt],
            "first": [each.is_first for each in burnt],
            "unpaid": list(unpaid),
        }
        await connection.execute(_ATTRIBUTE, values)


async def over_cap(pool: Pool, caps_wei: Mapping[str, int]) -> frozenset[tuple[str, UUID]]:
    """The sellers, by network, for whom no more gas is spent today; a cap of 0 is none.

    NOBODY among them: as much was spent in vain.
    """
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


FAILURES_MAX = 3  # payments of one payer that our gas was burnt for, in an hour


async def note_failures(connection: Connection, payments: Sequence[UUID]) -> None:
    """Our gas was spent on these in vain, and by nobody's fault but their own."""
    if payments:
        await connection.execute(_NOTE_FAILURES, (list(payments),))


_NOTE_FAILURES = """
    insert into payments_failedsend (payment_id, payer, at)
    select id, payer, clock_timestamp() from payments_payment where id = any(%s)
"""
# One that a stranger brought on chain before us was paid: that is not its payer's fault.
_SPENT = """
    select f.payer from payments_failedsend f
      join payments_progress g on g.payment_id = f.payment_id
     where f.at > now() - interval '1 hour' {whose}
       and not (g.money in ('settled', 'confirmed')
                and not exists (select from payments_broadcast b
                                 where b.transaction = g.transaction))
     group by f.payer having count(*) >= {most}
"""
_SPENT_OF = _SPENT.format(whose="and f.payer = any(%s)", most=FAILURES_MAX)
_SPENT_OF_ALL = _SPENT.format(whose="", most=FAILURES_MAX)


async def out_of_budget(pool: Pool, payers: Sequence[str]) -> frozenset[str]:
    """Those of them that may not make us pay for another attempt, for an hour.

    With code or without: who had none when it paid may have some when our transaction comes.
    """
    found = await rows(pool, _SPENT_OF, (list(dict.fromkeys(payers)),))
    return frozenset(payer for (payer,) in found)


async def all_out_of_budget(pool: Pool) -> frozenset[str]:
    """The same of everybody, for a door that asks now and then and not for each call."""
    return frozenset(payer for (payer,) in await rows(pool, _SPENT_OF_ALL, None))
