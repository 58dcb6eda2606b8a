"""How the money is doing, for who runs the site: what waits, how quick it is, what it burns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from payments.amounts import Amount
from payments.ids import first_id
from payments.models import GasUse, Reconciliation, Relayer

LATELY = timedelta(hours=1)
LATELY_MAX = 200
SPENDING_DAYS = 7

_WAITING = """
    select g.network, count(*), min(p.created_at), min(p.valid_before)
      from payments_progress g join payments_payment p on p.id = g.payment_id
     where g.next_check_at is not null
       and g.work = 'answered' and g.money in ('none', 'broadcast')
     group by g.network
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


def waiting() -> list[Waiting]:
    """What is answered and not paid, by network."""
    return [Waiting(*row) for row in _asked(_WAITING, {})]


def speeds() -> list[Speed]:
    """How quick the last payments of the hour were settled."""
    since = first_id((timezone.now() - LATELY).timestamp())
    found = _asked(_LATELY, {"since": since, "most": LATELY_MAX})
    return [Speed(network, n, float(p50), float(p95)) for network, n, p50, p95 in found]


def fuel(networks: Sequence[str]) -> list[Fuel]:
    """What is left for gas, from the worker's own last look at its keys."""
    since = timezone.now().date() - timedelta(days=SPENDING_DAYS)
    spent = dict.fromkeys(networks, 0)
    for use in GasUse.objects.filter(network__in=networks, day__gte=since):
        spent[use.network] += int(use.gas_wei)
    found = []
    for network in networks:
        keys = list(Relayer.objects.filter(network=network).order_by("address"))
        working = [key for key in keys if not key.stopped_why and key.balance_wei is not None]
        if not keys:
            continue
        found.append(
            Fuel(
                network,
                sum(int(key.balance_wei) for key in working),
                spent[network] / SPENDING_DAYS,
                tuple(f"{key.address}: {key.stopped_why}" for key in keys if key.stopped_why),
            )
        )
    return found


def troubles(causes: Sequence[str], days: int, most: int) -> list[Trouble]:
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
