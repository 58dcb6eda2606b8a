"""How much value may be out and not yet paid: counters that a claim must fit under.

A payment is *at risk* while work was done or is being done for it and the chain has not said
that it is paid. Its amount stands in its counters exactly as long.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from payments.models import Money, Work
from payments.pool import Connection, Pool, one
from payments.states import State


@dataclass(frozen=True, slots=True)
class CapLimit:
    key: str
    limit_atomic: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """The most, in dollars, that may be unsettled per payer, per listing and on the site."""

    payer: Decimal
    listing: Decimal
    site: Decimal
    site_slices: int

    def caps(
        self, *, network: str, asset: str, decimals: int, payer: str, listing_id: UUID
    ) -> tuple[CapLimit, ...]:
        unit = Decimal(10) ** decimals
        token = f"{network}/{asset}"
        slice_number = int.from_bytes(bytes.fromhex(payer[2:])[-4:], "big") % self.site_slices
        return (
            CapLimit(f"listing:{listing_id}:{token}", int(self.listing * unit)),
            CapLimit(f"payer:{payer}:{token}", int(self.payer * unit)),
            CapLimit(f"site:{slice_number}:{token}", int(self.site * unit) // self.site_slices),
        )


_KNOWN_KEYS_MAX = 50_000
_known_keys: set[str] = set()


async def make_room(pool: Pool, keys: set[str]) -> None:
    """Counters must exist before a claim can lock them."""
    missing = sorted(keys - _known_keys)
    if not missing:
        return
    await one(
        pool,
        "insert into payments_cap (key, used_atomic) select k, 0 from unnest(%s::text[]) k"
        " on conflict do nothing returning 1",
        (missing,),
    )
    if len(_known_keys) > _KNOWN_KEYS_MAX:
        _known_keys.clear()
    _known_keys.update(missing)


def doubt_room(keys: Set[str]) -> None:
    """One of these counters was gone, whatever this process remembers."""
    _known_keys.difference_update(keys)


def at_risk(state: State) -> bool:
    return state.work != Work.VOID and state.money in {Money.NONE, Money.BROADCAST}


@dataclass(frozen=True, slots=True)
class Change:
    payment_id: UUID
    before: State
    after: State

    @property
    def sign(self) -> int:
        return int(at_risk(self.after)) - int(at_risk(self.before))


_REBALANCE = """
with change as (
    select * from unnest(%(id)s::uuid[], %(sign)s::int[]) as t(id, sign)
), delta as (
    select k.key, sum(c.sign * p.amount_atomic) amount
      from change c join payments_payment p on p.id = c.id,
           lateral unnest(array(select jsonb_array_elements_text(p.caps))) k(key)
     group by k.key
), locked as (
    select c.key from payments_cap c
     where c.key in (select key from delta) order by c.key for update
)
update payments_cap c set used_atomic = c.used_atomic + d.amount, used_at = clock_timestamp()
  from delta d join locked l on l.key = d.key
 where c.key = d.key
"""

# A counter at zero may have been swept away while its payment was not at risk.
_ROOM_AGAIN = """
    insert into payments_cap (key, used_atomic)
    select k.key, 0
      from payments_payment p, lateral jsonb_array_elements_text(p.caps) k(key)
     where p.id = any(%s)
     group by k.key order by k.key
    on conflict do nothing
"""


async def rebalance(connection: Connection, changes: Sequence[Change]) -> None:
    """Give back what is no longer at risk, take what is at risk again; in the move's transaction.

    All counters of a transaction are locked at once and in key order, as a claim does:
    two such statements cannot wait for each other.
    """
    told = [change for change in changes if change.sign]
    if told:
        if at_risk_again := [change.payment_id for change in told if change.sign > 0]:
            await connection.execute(_ROOM_AGAIN, (at_risk_again,))
        await connection.execute(
            _REBALANCE,
            {"id": [c.payment_id for c in told], "sign": [c.sign for c in told]},
        )


async def fits_again(connection: Connection, payment_id: UUID, caps: Sequence[CapLimit]) -> bool:
    """Whether a voided payment's amount fits under its counters once more; locks them."""
    await connection.execute(
        "insert into payments_cap (key, used_atomic) select k, 0 from unnest(%s::text[]) k"
        " on conflict do nothing",
        (sorted(cap.key for cap in caps),),
    )
    cursor = await connection.execute(
        """
        with wanted as (
            select * from unnest(%(key)s::text[], %(most)s::numeric[]) as t(key, most)
        ), locked as (
            select c.key, c.used_atomic + p.amount_atomic <= w.most as fits
              from payments_cap c join wanted w on w.key = c.key
              join payments_payment p on p.id = %(id)s
             order by c.key for update of c
        )
        select coalesce(bool_and(fits), true) from locked
        """,
        {"key": [c.key for c in caps], "most": [c.limit_atomic for c in caps], "id": payment_id},
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


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
