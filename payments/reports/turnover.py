"""What a listing's settled calls moved on chain, by token; and the newest of them, one by one.

The same calls count as in `trade`, under the same rules: the seller's own and the operator's not
at all, and of one payer so many a day. Only what the chain shows anyway is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from payments.reports.trade import MONTH_DAYS, WEEK_DAYS, Outside
from payments.written import hexadecimal

NEWEST_MAX: Final = 5


@dataclass(frozen=True, slots=True, order=True)
class Token:
    """What was paid in, and where."""

    network: str
    asset: str


@dataclass(frozen=True, slots=True)
class Days:
    """What was moved in one token, in atomic units."""

    week_atomic: int
    month_atomic: int


@dataclass(frozen=True, slots=True)
class Paid:
    """One settled payment: when the money moved, how much, and in which transaction."""

    at: datetime
    token: Token
    amount_atomic: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Newest:
    """What the newest calls of a listing moved."""

    day_atomic: dict[Token, int] = field(default_factory=dict)
    paid: tuple[Paid, ...] = ()  # the newest first


def moved(seller_id: UUID, today: date, outside: Outside) -> dict[UUID, dict[Token, Days]]:
    """What each listing of a seller moved in the last thirty days."""
    values: dict[str, Any] = {
        "seller": seller_id,
        "week": today - timedelta(days=WEEK_DAYS - 1),
        "month": today - timedelta(days=MONTH_DAYS - 1),
        "nobody": [*outside.own, *outside.apart],
        "most": outside.calls_a_day_max,
    }
    found: dict[UUID, dict[Token, Days]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, values)
        for listing_id, network, asset, week, month in cursor.fetchall():
            found.setdefault(listing_id, {})[Token(network, asset)] = Days(int(week), int(month))
    return found


def newest(listing_id: UUID, now: datetime, outside: Outside) -> Newest:
    """What the newest calls of a listing moved: in a day, and the last few."""
    values: dict[str, Any] = {
        "listing": listing_id,
        "day": now - timedelta(days=1),
        "month": now - timedelta(days=MONTH_DAYS),
        "nobody": [*outside.own, *outside.apart],
        "most": outside.calls_a_day_max,
        "sample": outside.sample_max,
        "shown": NEWEST_MAX,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OF_A_DAY, values)
        day = {Token(network, asset): int(total) for network, asset, total in cursor.fetchall()}
        cursor.execute(_NEWEST, values)
        paid = [
            Paid(at, Token(network, asset), int(amount), hexadecimal(transaction))
            for at, network, asset, amount, transaction in cursor.fetchall()
        ]
    return Newest(day, tuple(paid))


# Sums hold no single amounts: where a payer made more calls than count, as many of them count at
# what they cost on average that day, rounded down.
_MOVED: Final = """
    with day as (
        select listing_id, day, network, asset, amount_atomic as amount,
               sum(payments) over (partition by listing_id, payer, day) as n
          from payments_buyerday
         where seller_id = %(seller)s and day >= %(month)s and payments > 0
           and not payer = any(%(nobody)s::text[])
    ), counted as (
        select listing_id, day, network, asset, div(amount * least(n, %(most)s), n) as amount
          from day
    )
    select listing_id, network, asset,
           coalesce(sum(amount) filter (where day >= %(week)s), 0), sum(amount)
      from counted group by listing_id, network, asset
"""
_CALLS: Final = """
    with call as materialized (
        select p.*, g.transaction
          from (select id, created_at, payer, network, asset, amount_atomic from payments_payment
                 where listing_id = %(listing)s and created_at > %(month)s
                 order by created_at desc limit %(sample)s) p
          join payments_progress g on g.payment_id = p.id
         where g.money in ('settled', 'confirmed') and not p.payer = any(%(nobody)s::text[])
    )
"""
_OF_A_DAY: Final = f"""
    {_CALLS}
    select network, asset, sum(amount_atomic)
      from (select *, row_number() over (partition by payer order by created_at desc, id) as place
              from call where created_at > %(day)s) ranked
     where place <= %(most)s group by network, asset
"""  # noqa: S608 - composed of our own constants only
# When the money moved, and not when the call came: the chain shows the one and not the other.
_NEWEST: Final = f"""
    {_CALLS}
    select coalesce(settled.at, c.created_at) as at, c.network, c.asset, c.amount_atomic,
           c.transaction
      from (select * from call order by created_at desc, id desc limit %(shown)s) c
      left join lateral (
            select max(s.at) as at from payments_step s
             where s.payment_id = c.id and s.at > c.created_at - interval '1 minute'
               and s.money in ('settled', 'confirmed')
               and not exists (
                   select 1 from payments_step b
                    where b.payment_id = c.id and b.version = s.version - 1
                      and b.at > c.created_at - interval '1 minute'
                      and b.money in ('settled', 'confirmed'))
           ) settled on true
     order by at desc, c.id desc
"""  # noqa: S608 - composed of our own constants only
