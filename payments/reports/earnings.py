"""What a seller earned: sums by token, by time, by listing, from the sums the worker keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncMonth, TruncWeek

from payments.models import Counted, EarningsDay
from payments.reports.funnel import Funnel, funnel_of, times_quoted
from payments.reports.given_back import BackOf, GivenBack, given_back_of
from payments.reports.looks import Look
from payments.reports.sums import PAYING_PARTS, Part, Sums, part_of, state_of
from payments.states import STATES


@dataclass(frozen=True, slots=True)
class Overview:
    """The first view: every token's sums, and the funnel over all of them."""

    tokens: list[Sums]
    funnel: Funnel

    @property
    def has_sales(self) -> bool:
        return self.funnel.paid > 0


def overview(look: Look, listings: Collection[UUID]) -> Overview:
    """Of all these listings of the seller's, or the one that is looked at."""
    found, quoted = _summed(look, "work", "money", "cause"), times_quoted(look, listings)
    tokens = _by_token(found)
    _give_back(look, tokens)
    return Overview(tokens, funnel_of(quoted, found))


def _give_back(look: Look, tokens: list[Sums]) -> None:
    """What of these sums went back to its buyers."""
    for of, back in _back(look).items():
        for sums in tokens:
            if sums.is_in(of):
                sums.back += back


def _back(look: Look) -> dict[BackOf, GivenBack]:
    found = given_back_of(look.seller_id, look.span.first, look.span.last, look.network)
    return {of: back for of, back in found.items() if look.listing_id in (None, of.listing_id)}


def by_time(look: Look) -> dict[tuple[str, str], dict[date, Sums]]:
    """The sums of every step of the chart in which something was sold, by token."""
    step = {"week": TruncWeek("day"), "month": TruncMonth("day")}.get(look.span.step)
    days = _of(look)
    rows = (days.annotate(start=step) if step else days).values(
        *("network", "asset", "start" if step else "day", "work", "money")
    )
    found: dict[tuple[str, str], dict[date, Sums]] = defaultdict(dict)
    for row in rows.annotate(n=Sum("payments"), amount=Sum("amount_atomic")):
        token, day = (row["network"], row["asset"]), row["start" if step else "day"]
        found[token].setdefault(day, Sums(*token)).add(state_of(row), row["n"], int(row["amount"]))
    for of, back in _back(look).items():
        token, day = (of.network, of.asset), look.span.start_of(of.day)
        if day in found.get(token, {}):
            found[token][day].back += back
    return found


def by_listing(look: Look) -> dict[UUID, list[Sums]]:
    """The sums of every listing that was paid for, by token."""
    grouped: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in _summed(look, "listing_id", "work", "money"):
        grouped[row["listing_id"]].append(row)
    found = {key: _by_token(rows) for key, rows in grouped.items()}
    for of, back in _back(look).items():
        for sums in found.get(of.listing_id, ()):
            if sums.is_in(of):
                sums.back += back
    return found


def wallets_paid(look: Look, asset: str) -> set[str]:
    """The wallets that one listing's payments in this token went to, or are on their way to."""
    assert look.listing_id is not None  # of one listing
    begin, end = look.span.instants()
    found = Counted.objects.filter(
        _of_states(PAYING_PARTS),
        listing_id=look.listing_id,
        created_at__gte=begin,
        created_at__lt=end,
        payment__network=look.network,
        payment__asset=asset,
    )
    return set(found.values_list("payment__pay_to", flat=True).distinct())


def first_sale(seller_id: UUID) -> date | None:
    """The day of the first payment, whatever came of it."""
    days = EarningsDay.objects.filter(seller_id=seller_id).order_by("day")
    return days.values_list("day", flat=True).first()


def _of_states(parts: Collection[Part]) -> Q:
    """Those of a payment's states in which its money stands so."""
    return Q.create(
        [Q(work=each.work, money=each.money) for each in STATES if part_of(each) in parts],
        connector=Q.OR,
    )


def _of(look: Look) -> QuerySet[EarningsDay]:
    days = EarningsDay.objects.filter(
        seller_id=look.seller_id, day__range=(look.span.first, look.span.last)
    )
    if look.listing_id is not None:
        days = days.filter(listing_id=look.listing_id)
    return days.filter(network=look.network) if look.network else days


def _summed(look: Look, *keys: str) -> list[dict[str, Any]]:
    rows = _of(look).values("network", "asset", *keys).order_by()
    return list(rows.annotate(n=Sum("payments"), amount=Sum("amount_atomic")))


def _by_token(rows: Iterable[Mapping[str, Any]]) -> list[Sums]:
    """One token's sums each; the token that sold most comes first."""
    found: dict[tuple[str, str], Sums] = {}
    for row in rows:
        token = (row["network"], row["asset"])
        found.setdefault(token, Sums(*token)).add(state_of(row), row["n"], int(row["amount"]))
    return sorted(found.values(), key=lambda sums: (-sums.sales, sums.network, sums.asset))
