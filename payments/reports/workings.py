"""How the money is doing, for who runs the site: what waits, how quick it is, what it burns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, Sum
from django.utils import timezone

from payments.amounts import Amount
from payments.ids import first_id
from payments.models import Broadcast, ChainHealth, GasUse, Reconciliation, Relayer
from payments.relaying.gas import NOBODY
from payments.relaying.settling import LOW_ON_GAS

LATELY = timedelta(hours=1)
LATELY_MAX = 200
SPENDING = timedelta(days=7)
# A worker looks at all of its keys in turn: one that it looks at no more was taken away.
LOOKED_AT = timedelta(minutes=10)

_WAITING = """
    select g.network, count(*), min(a.stored_at), min(p.valid_before)
      from payments_progress g join payments_payment p on p.id = g.payment_id
      join payments_answer a on a.payment_id = g.payment_id
     where g.next_check_at is not null
       and g.work = 'answered' and g.money in ('none', 'broadcast')
       and a.stored_at <= coalesce(%(before)s::timestamptz, 'infinity')
     group by g.network
"""
_ELSEWHERE = """
    select g.network, count(*), min(p.created_at)
      from payments_progress g join payments_payment p on p.id = g.payment_id
     where (g.next_check_at is not null or g.work = 'open') and g.network <> all(%(networks)s)
     group by g.network order by g.network
"""
_LATELY = """
    with lately as (
        select id, network, created_at from payments_payment
         where id >= %(since)s order by id desc limit %(most)s
    ), took as (
        select l.network,
               extract(epoch from min(s.at) filter (where s.money in ('settled', 'confirmed'))
                                - min(s.at) filter (where s.work = 'answered')) as seconds
          from lately l join payments_step s
            on s.payment_id = l.id and s.at >= l.created_at - interval '1 minute'
         group by l.network, l.id
    )
    select network, count(*), percentile_cont(0.5) within group (order by seconds),
           percentile_cont(0.95) within group (order by seconds)
      from took where seconds is not null group by network
"""
_TROUBLES = """
    select d.listing_id, d.cause, sum(d.payments)
      from payments_earningsday d
     where d.day >= %(since)s and d.work = 'void' and d.cause = any(%(causes)s)
     group by d.listing_id, d.cause order by 3 desc, 1, 2 limit %(most)s
"""
_BOOKED = """
    select network, asset, work, money, sum(payments), sum(amount_atomic)
      from payments_earningsday group by network, asset, work, money order by 1, 2, 3, 4
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Answers of one network that are not paid yet."""

    network: str
    payments: int
    oldest: datetime
    soonest_end_unix: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How long the money took lately, from the answer on."""

    network: str
    payments: int
    p50_seconds: float
    p95_seconds: float


@dataclass(frozen=True, slots=True)
class Fuel:
    """What the relayers of one network hold and burn."""

    network: str
    balance_wei: int
    wei_per_day: float
    stopped: tuple[str, ...]
    is_low: bool  # so low that the worker has payments refused

    @property
    def days(self) -> float | None:
        """How long it lasts at the pace of the last week; None where nothing was spent."""
        return self.balance_wei / self.wei_per_day if self.wei_per_day else None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why calls of one listing failed of late, and how often."""

    listing_id: Any
    cause: str
    calls: int


@dataclass(frozen=True, slots=True)
class Booked:
    """All payments of one token that stand alike."""

    network: str
    asset: str
    work: str
    money: str
    payments: int
    amount: Amount


def waiting(before: datetime | None = None) -> list[Waiting]:
    """What is answered and not paid, by network; all of it, or what was answered before."""
    return [Waiting(*row) for row in _asked(_WAITING, {"before": before})]


def unfinished_elsewhere(networks: Sequence[str]) -> list[tuple[str, int, datetime]]:
    """How many payments are not finished on each network that is none of these, and since when
    the oldest."""
    found = _asked(_ELSEWHERE, {"networks": list(networks)})
    return [(network, int(payments), oldest) for network, payments, oldest in found]


def speeds() -> list[Speed]:
    """How quick the last payments of the hour were settled."""
    since = first_id((timezone.now() - LATELY).timestamp())
    found = _asked(_LATELY, {"since": since, "most": LATELY_MAX})
    return [Speed(network, n, float(p50), float(p95)) for network, n, p50, p95 in found]


def fuel(networks: Sequence[str]) -> list[Fuel]:
    """What is left for gas, from the worker's own last look at its keys."""
    refusing = ChainHealth.objects.filter(network__in=networks, refusing_why=LOW_ON_GAS)
    low, burnt = set(refusing.values_list("network", flat=True)), wei_per_day()
    found = []
    for network in networks:
        keys = list(Relayer.objects.filter(network=network).order_by("address"))
        if not keys:
            continue
        kept = _in_use(keys)
        working = [key for key in kept if not key.stopped_why and key.balance_wei is not None]
        found.append(
            Fuel(
                network,
                sum(int(key.balance_wei) for key in working),
                sum(burnt.get(key.pk, 0.0) for key in keys),
                tuple(f"{key.address}: {key.stopped_why}" for key in kept if key.stopped_why),
                network in low,
            )
        )
    return found


def wei_per_day() -> dict[int, float]:
    """What each key paid for gas a day in the last week, whatever its transactions carried."""
    since = timezone.now() - SPENDING
    sent = Broadcast.objects.filter(pk__gte=first_id(since.timestamp()), created_at__gte=since)
    sums = sent.order_by().values_list("relayer_id").annotate(Sum("gas_cost_wei"))
    return {key: float(wei or 0) / SPENDING.days for key, wei in sums}


def _in_use(keys: Sequence[Relayer]) -> list[Relayer]:
    """The keys that the worker has; nobody looks at one any more that was given another."""
    newest = max((key.balance_at for key in keys if key.balance_at), default=None)
    return [
        key
        for key in keys
        if newest is None or (key.balance_at and newest - key.balance_at < LOOKED_AT)
    ]


def spent_up(caps_wei: Mapping[str, int]) -> list[GasUse]:
    """The sellers, by network, whose gas for today is spent; a cap of 0 is none."""
    over = Q(pk__in=[])
    for network, most_wei in caps_wei.items():
        if most_wei:
            over |= Q(network=network, gas_wei__gte=most_wei)
    today = timezone.now().date()
    sellers = GasUse.objects.filter(over, day=today).exclude(seller_id=NOBODY)
    return list(sellers.order_by("network", "seller_id"))


def burnt_in_vain(caps_wei: Mapping[str, int]) -> list[str]:
    """The networks where as much gas was spent in vain today as is spent for one seller."""
    today = timezone.now().date()
    used = GasUse.objects.filter(day=today, seller_id=NOBODY).values_list("network", "gas_wei")
    return sorted(network for network, wei in used if 0 < caps_wei.get(network, 0) <= wei)


def troubles(causes: Collection[str], days: int, most: int) -> list[Trouble]:
    """The listings whose calls failed most for one of these causes."""
    since = timezone.now().date() - timedelta(days=days)
    found = _asked(_TROUBLES, {"since": since, "causes": list(causes), "most": most})
    return [Trouble(*row) for row in found]


def booked() -> list[Booked]:
    """Every payment there ever was, added up: from the sums that sellers see."""
    return [
        Booked(network, asset, work, money, int(n), Amount.of(network, asset, int(amount)))
        for network, asset, work, money, n, amount in _asked(_BOOKED, {})
    ]


def reconciliations() -> list[Reconciliation]:
    """When the ledger was last compared with the chain, and what that came to."""
    return list(Reconciliation.objects.order_by("network", "asset"))


def _asked(query: str, given: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return list(cursor.fetchall())
