"""How much value may be out and not yet paid: counters that a claim must fit under.

A payment is *at risk* while work was done or is being done for it and the chain has not said
that it is paid. Its amount stands in its counters exactly as long. An answer that leaves *on
trust* stands in a second, tighter sum of the same counters, and when it is never paid it stays
there until it is forgiven: so that sum's limit bounds what can be lost in that time.

A payer is trusted with as much as was confirmed from them before; the first answer they do not
pay ends that for good.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from uuid import UUID

from payments.database.pool import Connection, Pool, one
from payments.exposure.exposure import PAYER_KEY, SPENT_KEY, CapLimit
from payments.models import Money, Work
from payments.states import PAID, State

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


def spends(state: State) -> bool:
    """Whether the money is gone, or will be as far as anybody knows."""
    if state.money in PAID:
        return True
    return state.work != Work.VOID and state.money != Money.FAILED


def unpaid(state: State) -> bool:
    """Answered, and never to be paid."""
    return state.work == Work.ANSWERED and state.money == Money.FAILED


@dataclass(frozen=True, slots=True)
class Change:
    """One move, and what it means for each sum: +1 it is in now, -1 it is out."""

    payment_id: UUID
    before: State
    after: State

    @property
    def used(self) -> int:
        return int(at_risk(self.after)) - int(at_risk(self.before))

    @property
    def spent(self) -> int:
        return int(spends(self.after)) - int(spends(self.before))

    @property
    def on_trust(self) -> int:
        return self.used + int(unpaid(self.after))  # what is lost stays in until it is forgiven

    @property
    def earned(self) -> int:
        confirmed = Money.CONFIRMED
        return int(self.after.money == confirmed) - int(self.before.money == confirmed)


_REBALANCE = f"""
with change as (
    select * from unnest(%(id)s::uuid[], %(used)s::int[], %(on_trust)s::int[], %(earned)s::int[],
                         %(unpaid)s::bool[], %(spent)s::int[])
        as t(id, used, on_trust, earned, unpaid, spent)
), lost as (
    insert into payments_loss (payment_id, lost_at)
    select c.id, clock_timestamp() from change c join payments_progress g on g.payment_id = c.id
     where c.unpaid and g.on_trust
), delta as (
    select k.key, sum(case when k.is_spent then c.spent else c.used end * p.amount_atomic) used,
           sum(case when g.on_trust then c.on_trust else 0 end * p.amount_atomic) on_trust,
           sum(case when k.is_payer then c.earned else 0 end * p.amount_atomic) earned,
           bool_or(k.is_payer and c.unpaid) lost
      from change c join payments_payment p on p.id = c.id
      join payments_progress g on g.payment_id = c.id,
           lateral (select key, starts_with(key, '{PAYER_KEY}') as is_payer,
                           starts_with(key, '{SPENT_KEY}') as is_spent
                      from unnest(array(select jsonb_array_elements_text(p.caps))) key) k
     group by k.key
), locked as (
    select c.key from payments_cap c
     where c.key in (select key from delta where used <> 0 or on_trust <> 0 or earned <> 0 or lost)
     order by c.key for update
)
update payments_cap c
   set used_atomic = c.used_atomic + d.used, on_trust_atomic = c.on_trust_atomic + d.on_trust,
       earned_atomic = c.earned_atomic + d.earned, used_at = clock_timestamp(),
       lost_at = case when d.lost then coalesce(c.lost_at, clock_timestamp()) else c.lost_at end
  from delta d join locked l on l.key = d.key
 where c.key = d.key
"""  # noqa: S608 - composed of our own constants only


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

    Trust is earned and lost here too, by the same lines: no claim can come in between.

    All counters of a transaction are locked at once and in key order, as a claim does:
    two such statements cannot wait for each other.
    """
    told = [c for c in changes if c.used or c.earned or c.spent]
    if told:
        rising = [
            c.payment_id
            for c in told
            if c.used > 0 or c.on_trust > 0 or c.earned > 0 or c.spent > 0
        ]
        if rising:
            await connection.execute(_ROOM_AGAIN, (rising,))
        await connection.execute(
            _REBALANCE,
            {
                "id": [c.payment_id for c in told],
                "used": [c.used for c in told],
                "on_trust": [c.on_trust for c in told],
                "earned": [c.earned for c in told],
                "unpaid": [unpaid(c.after) for c in told],
                "spent": [c.spent for c in told],
            },
        )


_FORGIVE = """
with due as (
    select payment_id from payments_loss
     where forgiven_at is null and lost_at < now() - make_interval(secs => %s)
     order by payment_id limit 1000 for update skip locked
), forgiven as (
    update payments_loss l set forgiven_at = clock_timestamp()
      from due d where d.payment_id = l.payment_id
), delta as (
    select k.key, sum(p.amount_atomic) amount
      from due d join payments_payment p on p.id = d.payment_id,
           lateral unnest(array(select jsonb_array_elements_text(p.caps))) k(key)
     group by k.key
), locked as (
    select c.key from payments_cap c
     where c.key in (select key from delta) order by c.key for update
), eased as (
    update payments_cap c
       set on_trust_atomic = c.on_trust_atomic - d.amount, used_at = clock_timestamp()
      from delta d join locked l on l.key = d.key
     where c.key = d.key
)
select count(*) from due
"""


async def forgive(pool: Pool, *, after_seconds: float) -> int:
    """Losses that have stood long enough make room again; the payers' trust stays lost."""
    row = await one(pool, _FORGIVE, (after_seconds,))
    return int(row[0]) if row else 0


_HAS_PAID = f"""
select 1 from payments_cap
 where key = any(array(select jsonb_array_elements_text(caps) from payments_payment where id = %s))
   and starts_with(key, '{PAYER_KEY}') and earned_atomic > 0 and lost_at is null
"""  # noqa: S608 - composed of our own constants only


_HAS_EARNED = "select 1 from payments_cap where key = %s and earned_atomic > 0"


async def has_paid(pool: Pool, payment_id: UUID) -> bool:
    """Whether this payment's payer has paid for something before, in the same token."""
    return await one(pool, _HAS_PAID, (payment_id,)) is not None


async def has_earned(pool: Pool, key: str) -> bool:
    """Whether a payer has paid for something before, by the key of its counter."""
    return await one(pool, _HAS_EARNED, (key,)) is not None


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


# By holder and not by key: the claim's hour was its door's, another attempt's is the payment's.
_COUNT_IN = f"""
    update payments_payment p set caps = p.caps || added.keys
      from (select q.id, jsonb_agg(w.key order by w.key) as keys
              from payments_payment q, unnest(%(keys)s::text[]) w(key)
             where q.id = %(id)s and not exists (
                   select from jsonb_array_elements_text(q.caps) c(key)
                    where starts_with(c.key, '{SPENT_KEY}')
                      and split_part(c.key, ':', 2) = split_part(w.key, ':', 2))
             group by q.id) added
     where p.id = added.id
"""  # noqa: S608 - composed of our own constants only


async def count_in(connection: Connection, payment_id: UUID, caps: Sequence[CapLimit]) -> None:
    """From now on a payment counts in these sums too, of owners who had none when it was made."""
    spent = [cap.key for cap in caps if cap.key.startswith(SPENT_KEY)]
    if spent:
        await connection.execute(_COUNT_IN, {"keys": spent, "id": payment_id})
