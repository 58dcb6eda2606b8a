"""What a seller's trade looks like from outside: how many pay, and how well they are served.

Days are read from the sums that the worker keeps; of single calls only the newest are read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from payments.models import Work

MONTH_DAYS: Final = 30
WEEK_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Outside:
    """Whose calls are no trade, and what is counted of the others."""

    own: Collection[str]  # wallets of the seller
    apart: Collection[str]  # wallets that the operator tries things with
    faults: Collection[str]  # causes that are the seller's
    calls_a_day_max: int  # of one payer
    sample_max: int  # calls that are read one by one


@dataclass(frozen=True, slots=True)
class Bought:
    """What was paid for one listing, by days."""

    calls_7d: int = 0
    calls_30d: int = 0
    calls_by_day: list[int] = field(default_factory=list)  # of the week, the oldest first
    payers_7d: int = 0
    payers_30d: int = 0
    top_payer_share: float = 0.0
    self_paid: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """How one listing's calls ended, by days."""

    success_7d: float | None = None
    success_30d: float | None = None


@dataclass(frozen=True, slots=True)
class Lately:
    """The newest calls of one listing."""

    calls_24h: int = 0
    payers_24h: int = 0
    success_24h: float | None = None
    p50_ms_24h: int | None = None
    p50_ms_7d: int | None = None
    p50_ms_30d: int | None = None


def bought(seller_id: UUID, today: date, outside: Outside) -> dict[UUID, Bought]:
    """What was paid for each listing of a seller in the last thirty days."""
    values = _days(today) | {
        "seller": seller_id,
        "own": list(outside.own),
        "apart": list(outside.apart),
        "most": outside.calls_a_day_max,
        "week_days": WEEK_DAYS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BOUGHT, values)
        return {row[0]: Bought(*row[1:]) for row in cursor.fetchall()}


def served(seller_id: UUID, today: date, outside: Outside) -> dict[UUID, Served]:
    """How the calls of each listing ended that had any in the last thirty days."""
    values = _days(today) | {"seller": seller_id, "faults": list(outside.faults)}
    with connection.cursor() as cursor:
        cursor.execute(_SERVED, values)
        return {row[0]: Served(_share(*row[1:3]), _share(*row[3:])) for row in cursor.fetchall()}


def lately(listing_id: UUID, now: datetime, outside: Outside) -> Lately:
    """What the newest calls of a listing say."""
    values: dict[str, Any] = {
        "listing": listing_id,
        "day": now - timedelta(days=1),
        "week": now - timedelta(days=WEEK_DAYS),
        "month": now - timedelta(days=MONTH_DAYS),
        "nobody": [*outside.own, *outside.apart],
        "faults": list(outside.faults),
        "most": outside.calls_a_day_max,
        "sample": outside.sample_max,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LATELY, values)
        calls, payers, answered, failed, *rest = cursor.fetchone()
    return Lately(int(calls), payers, _share(answered, failed), *rest)


def _days(today: date) -> dict[str, Any]:
    """The first day of each span, today being its last."""
    return {
        "week": today - timedelta(days=WEEK_DAYS - 1),
        "month": today - timedelta(days=MONTH_DAYS - 1),
    }


def _share(answered: int, failed: int) -> float | None:
    return answered / (answered + failed) if answered + failed else None


_BOUGHT: Final = """
    with day as (
        select listing_id, payer, day, sum(payments) as n,
               payer = any(%(own)s::text[]) as own, payer = any(%(apart)s::text[]) as apart
          from payments_buyerday
         where seller_id = %(seller)s and day >= %(month)s
         group by listing_id, payer, day having sum(payments) > 0
    ), payer as (
        select listing_id, payer, own, apart, sum(n) as n, sum(least(n, %(most)s)) as capped,
               coalesce(sum(least(n, %(most)s)) filter (where day >= %(week)s), 0) as week
          from day group by listing_id, payer, own, apart
    ), counted as (
        select listing_id, day, sum(least(n, %(most)s)) as n
          from day where not own and not apart and day >= %(week)s group by listing_id, day
    ), by_day as (
        select called.listing_id, array_agg(coalesce(n, 0)::int order by passed) as days
          from (select distinct listing_id from day) called
          cross join generate_series(0, %(week_days)s - 1) passed
          left join counted on counted.listing_id = called.listing_id
                           and counted.day = %(week)s::date + passed
         group by called.listing_id
    )
    select listing_id,
           coalesce(sum(week) filter (where not own and not apart), 0)::int,
           coalesce(sum(capped) filter (where not own and not apart), 0)::int,
           days,
           count(*) filter (where not own and not apart and week > 0)::int,
           count(*) filter (where not own and not apart)::int,
           coalesce(max(n) filter (where not apart) / nullif(sum(n) filter (where not apart), 0),
                    0)::float8,
           bool_or(own)
      from payer join by_day using (listing_id) group by listing_id, days
"""
_SERVED: Final = f"""
    select listing_id,
           coalesce(sum(answered) filter (where day >= %(week)s), 0)::bigint,
           coalesce(sum(failed) filter (where day >= %(week)s), 0)::bigint,
           coalesce(sum(answered), 0)::bigint, coalesce(sum(failed), 0)::bigint
      from (select listing_id, day,
                   case when work = '{Work.ANSWERED}' then payments else 0 end as answered,
                   case when work = '{Work.VOID}' and cause = any(%(faults)s::text[])
                        then payments else 0 end as failed
              from payments_earningsday where seller_id = %(seller)s and day >= %(month)s) ended
     group by listing_id
"""  # noqa: S608 - composed of our own constants only
_LATELY: Final = f"""
    with call as materialized (
        select p.created_at as at, p.payer, g.work, g.money, a.upstream_ms as ms, c.cause
          from (select id, created_at, payer from payments_payment
                 where listing_id = %(listing)s and created_at > %(month)s
                 order by created_at desc limit %(sample)s) p
          join payments_progress g on g.payment_id = p.id
          left join payments_answer a on a.payment_id = p.id
          left join payments_counted c on c.payment_id = p.id
    ), paying as (
        select count(*) as n from call
         where at > %(day)s and money in ('settled', 'confirmed')
           and not payer = any(%(nobody)s::text[]) group by payer
    )
    select (select coalesce(sum(least(n, %(most)s)), 0) from paying),
           (select count(*) from paying),
           count(*) filter (where at > %(day)s and work = '{Work.ANSWERED}'),
           count(*) filter (where at > %(day)s and work = '{Work.VOID}'
                              and cause = any(%(faults)s::text[])),
           percentile_disc(0.5) within group (order by ms) filter (where at > %(day)s),
           percentile_disc(0.5) within group (order by ms) filter (where at > %(week)s),
           percentile_disc(0.5) within group (order by ms)
      from call
"""  # noqa: S608 - composed of our own constants only
