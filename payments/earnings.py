"""The sums of what sellers earned, kept equal to the payments' rows; nothing else writes them.

The worker reads the steps in the order of their time, and for every payment that took one puts
what it is now in the place of what the sums held of it. So it does not matter how often a step
is read, in which order, or by which worker: only that every one is read (`reading`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from payments import reading
from payments.database.pool import Connection, Pool, one
from payments.live.wakeups import Bell

log = logging.getLogger(__name__)

STEPS_AT_ONCE = 5_000
PAYMENTS_AT_ONCE = 5_000
TICK_SECONDS = 2.0  # how long a lost ring can keep a sale from the sums
# Between two counts. A payment under way is counted at each of its steps: where there are many,
# most have taken several in one longer pause.
PAUSE_SECONDS, BUSY_PAUSE_SECONDS = 0.5, 3.0
MANY_PAYMENTS = 100
STUMBLE_SECONDS = 5.0  # after the database did not answer

_READER = {"reader": reading.EARNINGS}
_WAITING = "select 1 from payments_step where at >= %s order by at limit 1"
_PAGE = """
    select payment_id, at from payments_step where at >= %s
     order by at fetch first (%s) rows with ties
"""

# What sellers pay themselves to try a draft out has a path that no listing has, and is no sale.
IS_SALE = "left(p.listing_path, 1) <> '/'"
# Why nothing was charged: the step that ended the work for nothing, or else the money.
_CAUSE = """
    select left(coalesce(s.detail->>'reason', s.why), 80) as word from payments_step s
     where (g.work = 'void' or g.money = 'failed')
       and s.payment_id = p.id and s.at > p.created_at - interval '1 minute'
       and case when g.work = 'void' then s.work = 'void' and s.version > (
                    select max(b.version) from payments_step b where b.payment_id = p.id
                       and b.at > p.created_at - interval '1 minute' and b.work <> 'void')
                else s.money = 'failed' end
     order by s.version limit 1
"""
_KEY = "seller_id, day, listing_id, network, asset, work, money, cause"
_BUYER_KEY = "seller_id, day, payer, listing_id, network, asset"
_SAME = " and ".join(f"e.{name} = n.{name}" for name in _KEY.split(", "))
_SAME_BUYER = " and ".join(f"e.{name} = n.{name}" for name in _BUYER_KEY.split(", "))

# Where something is taken away the row stands already, and is updated: a row that would hold
# less than nothing may not even be proposed for insertion.
_COUNT = f"""
with fact as materialized (
    select p.id, p.seller_id, p.listing_id, p.created_at,
           (p.created_at at time zone 'utc')::date as day, p.network, p.asset, p.payer,
           p.amount_atomic as amount, g.work, g.money, g.version,
           coalesce(cause.word, '') as cause, c.payment_id is not null as was_counted,
           c.work as old_work, c.money as old_money, c.cause as old_cause
      from (select distinct unnest(%(ids)s::uuid[]) as id) t
      join payments_progress g on g.payment_id = t.id
      join payments_payment p on p.id = t.id
      left join payments_counted c on c.payment_id = t.id
      left join lateral ({_CAUSE}) cause on true
     where {IS_SALE} and (c.payment_id is null or c.version < g.version)
), noted as (
    insert into payments_counted (
        payment_id, version, seller_id, listing_id, created_at, work, money, cause)
    select id, version, seller_id, listing_id, created_at, work, money, cause from fact order by id
    on conflict (payment_id) do update
       set version = excluded.version, work = excluded.work, money = excluded.money,
           cause = excluded.cause
), net as materialized (
    select {_KEY}, sum(payments)::bigint as payments, sum(amount) as amount,
           bool_or(payments < 0) as stands
      from (select *, 1 as payments from fact
             union all
            select id, seller_id, listing_id, created_at, day, network, asset, payer, -amount,
                   old_work, old_money, version, old_cause, was_counted, null, null, null, -1
              from fact where was_counted) change
     group by {_KEY} having sum(payments) <> 0 or sum(amount) <> 0
), changed as (
    update payments_earningsday e
       set payments = e.payments + n.payments, amount_atomic = e.amount_atomic + n.amount
      from net n where n.stands and {_SAME}
), added as (
    insert into payments_earningsday ({_KEY}, payments, amount_atomic)
    select {_KEY}, payments, amount from net where not stands
    on conflict ({_KEY}) do update
       set payments = payments_earningsday.payments + excluded.payments,
           amount_atomic = payments_earningsday.amount_atomic + excluded.amount_atomic
), bought as materialized (
    select {_BUYER_KEY}, sum(payments)::bigint as payments, sum(payments * amount) as amount,
           bool_or(payments < 0) as stands
      from (select *, (money in ('settled', 'confirmed'))::int
                      - coalesce(old_money in ('settled', 'confirmed'), false)::int as payments
              from fact) change
     where payments <> 0
     group by {_BUYER_KEY} having sum(payments) <> 0 or sum(payments * amount) <> 0
), buyers_changed as (
    update payments_buyerday e
       set payments = e.payments + n.payments, amount_atomic = e.amount_atomic + n.amount
      from bought n where n.stands and {_SAME_BUYER}
), buyers_added as (
    insert into payments_buyerday ({_BUYER_KEY}, payments, amount_atomic)
    select {_BUYER_KEY}, payments, amount from bought where not stands
    on conflict ({_BUYER_KEY}) do update
       set payments = payments_buyerday.payments + excluded.payments,
           amount_atomic = payments_buyerday.amount_atomic + excluded.amount_atomic
), told as (
    insert into payments_earningsversion (seller_id, version)
    select distinct seller_id, 1 from fact
    on conflict (seller_id) do update set version = payments_earningsversion.version + 1
)
select count(*) from fact
"""  # noqa: S608 - composed of our own constants only
_EMPTY = (
    "delete from payments_earningsday where payments = 0",
    "delete from payments_buyerday where payments = 0",
)


async def count(pool: Pool) -> int:
    """Bring the sums up to the rows; says how many payments they hold differently now."""
    mark = await one(pool, reading.PLACE, _READER)
    if mark is None:
        await begin(pool)
    elif await one(pool, _WAITING, mark) is None:
        return 0
    started = await one(pool, reading.START, _READER)
    if started is None:
        return 0  # another worker is at it
    position, over = started
    counted = 0
    while True:
        page = await _count_page(pool, position, over)
        counted += page.counted
        if not page.is_full or page.last_at == position:
            return counted
        position = page.last_at


async def begin(pool: Pool) -> None:
    """There is a mark from now on; nothing is counted before."""
    await one(pool, reading.FIRST_MARK, _READER)


@dataclass(frozen=True, slots=True)
class Page:
    """So much was read at once."""

    counted: int
    last_at: datetime
    is_full: bool


async def _count_page(pool: Pool, position: datetime, over: datetime) -> Page:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(reading.HOLD, _READER)
        cursor = await connection.execute(_PAGE, (position, STEPS_AT_ONCE))
        steps = await cursor.fetchall()
        is_full = len(steps) >= STEPS_AT_ONCE
        counted = await count_payments(connection, [step[0] for step in steps])
        last_at = steps[-1][1] if steps else position
        until = min(over, last_at) if is_full else over
        await connection.execute(reading.ADVANCE, {**_READER, "until": until})
    return Page(counted, last_at, is_full)


async def count_payments(connection: Connection, ids: Sequence[UUID]) -> int:
    """Put what these payments are now in the place of what the sums hold of them.

    The caller holds the mark: two who count the same payment would both find it uncounted.
    """
    if not ids:
        return 0
    cursor = await connection.execute(_COUNT, {"ids": list(ids)})
    row = await cursor.fetchone()
    for statement in _EMPTY:
        await connection.execute(statement)
    return int(row[0]) if row else 0


async def keep_counting(pool: Pool, rung: asyncio.Event, told: Bell) -> None:
    """Count whenever something moved, and on a tick; for ever."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await rung.wait()
        rung.clear()
        counted = 0
        try:
            if counted := await count(pool):
                told.ring()
        except (psycopg.Error, TimeoutError) as error:
            log.warning("earnings are not counted, it is tried again: %s", error)
            await asyncio.sleep(STUMBLE_SECONDS)
        await asyncio.sleep(BUSY_PAUSE_SECONDS if counted >= MANY_PAYMENTS else PAUSE_SECONDS)


_FORGET = (
    "delete from payments_counted where seller_id = %(seller)s",
    "delete from payments_earningsday where seller_id = %(seller)s",
    "delete from payments_buyerday where seller_id = %(seller)s",
)
_OF_SELLER = """
    select created_at, id from payments_payment
     where seller_id = %s and created_at >= %s and (created_at, id) > (%s, %s)
     order by created_at, id limit %s
"""
_FIRST = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


async def count_anew(pool: Pool, seller_id: UUID) -> int:
    """Forget one seller's sums and make them from the rows, in one transaction."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(reading.HOLD, _READER)
        for statement in _FORGET:
            await connection.execute(statement, {"seller": seller_id})
        counted, after = 0, _FIRST
        while sold := await _sold_after(connection, seller_id, after):
            counted += await count_payments(connection, [payment_id for _, payment_id in sold])
            after = sold[-1]
    return counted


async def _sold_after(
    connection: Connection, seller_id: UUID, after: tuple[datetime, UUID]
) -> list[tuple[datetime, UUID]]:
    cursor = await connection.execute(_OF_SELLER, (seller_id, after[0], *after, PAYMENTS_AT_ONCE))
    return [(row[0], row[1]) for row in await cursor.fetchall()]


_SELLERS = """
    with recursive seller as (
        (select seller_id from payments_payment order by seller_id limit 1)
        union all
        select (select p.seller_id from payments_payment p where p.seller_id > s.seller_id
                 order by p.seller_id limit 1) from seller s where s.seller_id is not null
    )
    select seller_id from seller where seller_id is not null
"""


async def sellers_with_payments(pool: Pool) -> list[UUID]:
    """Everybody who ever sold anything, by a few looks into the index."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SELLERS)
        return [row[0] for row in await cursor.fetchall()]
