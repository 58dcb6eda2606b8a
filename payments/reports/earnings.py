"""What a seller earned: sums by token, by time, by listing, from the sums the worker keeps.

Money is exact: whole atomic units of one token on one network. Two tokens are never added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncMonth, TruncWeek

from payments.amounts import Amount
from payments.models import ChallengeDay, EarningsDay, Money, Work
from payments.reports.given_back import BackOf, GivenBack, given_back_of
from payments.states import PAID, State


class Part(StrEnum):
    """Where the money of a payment stands, for whoever is to get it."""

    CONFIRMED = "confirmed"  # deep enough on chain
    SETTLED = "settled"  # on chain, not deep enough
    UNDER_WAY = "under_way"  # earned, and not on chain yet
    REFUND_DUE = "refund_due"  # paid without an answer
    AT_SELLER = "at_seller"
    NOT_CHARGED = "not_charged"
    UNCOLLECTED = "uncollected"  # answered, and the money never came


def part_of(state: State) -> Part:
    if state.money in PAID:
        if state.work == Work.VOID:
            return Part.REFUND_DUE
        return Part.CONFIRMED if state.money == Money.CONFIRMED else Part.SETTLED
    if state.money == Money.FAILED:
        return Part.UNCOLLECTED if state.work == Work.ANSWERED else Part.NOT_CHARGED
    if state.work == Work.ANSWERED or state.money == Money.BROADCAST:
        return Part.UNDER_WAY
    return Part.AT_SELLER if state.work == Work.OPEN else Part.NOT_CHARGED


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are looked at, both ends included, and the steps of the chart."""

    first: date
    last: date
    step: str = "day"  # or week, month

    def starts(self) -> list[date]:
        """The first day of every step, also of those in which nothing was sold."""
        found, day = [], self.start_of(self.first)
        while day <= self.last:
            found.append(day)
            day = self._after(day)
        return found

    def start_of(self, day: date) -> date:
        if self.step == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.step == "month" else day

    def _after(self, day: date) -> date:
        if self.step == "month":
            return (day + timedelta(days=32)).replace(day=1)
        return day + timedelta(days=7 if self.step == "week" else 1)


@dataclass(frozen=True, slots=True)
class Look:
    """Whose earnings, of which days, and of what if not of everything."""

    seller_id: UUID
    span: Span
    listing_id: UUID | None = None
    network: str = ""


@dataclass(slots=True)
class Sums:
    """So many payments and so much money of one token, by where the money stands."""

    network: str
    asset: str
    payments: dict[Part, int] = field(default_factory=lambda: defaultdict(int))
    atomic: dict[Part, int] = field(default_factory=lambda: defaultdict(int))
    back: GivenBack = field(default_factory=GivenBack)

    def add(self, state: State, payments: int, atomic: int) -> None:
        part = part_of(state)
        self.payments[part] += payments
        self.atomic[part] += atomic

    def is_in(self, of: BackOf) -> bool:
        """Whether these are sums of that token."""
        return (self.network, self.asset) == (of.network, of.asset)

    def amount(self, *parts: Part) -> Amount:
        return Amount.of(self.network, self.asset, sum(self.atomic.get(each, 0) for each in parts))

    def count(self, *parts: Part) -> int:
        return sum(self.payments.get(each, 0) for each in parts)

    @property
    def gross(self) -> Amount:
        """Earned: confirmed, or on its way."""
        return self.amount(Part.CONFIRMED, Part.SETTLED, Part.UNDER_WAY)

    @property
    def confirmed(self) -> Amount:
        return self.amount(Part.CONFIRMED)

    @property
    def pending(self) -> Amount:
        return self.amount(Part.SETTLED, Part.UNDER_WAY)

    @property
    def refund_due(self) -> Amount:
        """Of what was paid without an answer, what did not go back yet."""
        due = self.atomic.get(Part.REFUND_DUE, 0)
        left = max(0, due - self.back.unanswered_atomic)
        return Amount.of(self.network, self.asset, left)

    @property
    def refunded(self) -> Amount:
        return Amount.of(self.network, self.asset, self.back.atomic)

    @property
    def refunded_payments(self) -> int:
        return self.back.payments

    @property
    def uncollected(self) -> Amount:
        return self.amount(Part.UNCOLLECTED)

    @property
    def sales(self) -> int:
        return self.count(Part.CONFIRMED, Part.SETTLED, Part.UNDER_WAY)

    @property
    def refunds(self) -> int:
        """How many payments a refund is due for."""
        return max(0, self.count(Part.REFUND_DUE) - self.back.settled_up)


@dataclass(frozen=True, slots=True)
class Funnel:
    """From a quote to money, and where buyers were lost on the way."""

    quoted: int  # about
    paid: int
    answered: int
    settled: int
    at_work: int  # neither answered nor lost yet
    under_way: int  # answered, and the money is neither here nor lost yet
    unanswered: tuple[tuple[str, int], ...]  # why, how often
    uncollected: tuple[tuple[str, int], ...]


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
    found, quoted = _summed(look, "work", "money", "cause"), _quoted(look, listings)
    tokens = _by_key(found, ("network", "asset"))
    _give_back(look, tokens)
    return Overview(tokens, _funnel(quoted, found))


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
        found[token].setdefault(day, Sums(*token)).add(_state(row), row["n"], int(row["amount"]))
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
    found = {key: _by_key(rows, ("network", "asset")) for key, rows in grouped.items()}
    for of, back in _back(look).items():
        for sums in found.get(of.listing_id, ()):
            if sums.is_in(of):
                sums.back += back
    return found


def first_sale(seller_id: UUID) -> date | None:
    """The day of the first payment, whatever came of it."""
    days = EarningsDay.objects.filter(seller_id=seller_id).order_by("day")
    return days.values_list("day", flat=True).first()


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


def _state(row: Mapping[str, Any]) -> State:
    return State(Work(row["work"]), Money(row["money"]))


def _by_key(rows: Iterable[Mapping[str, Any]], names: tuple[str, str]) -> list[Sums]:
    """One token's sums each; the token that sold most comes first."""
    found: dict[tuple[str, str], Sums] = {}
    for row in rows:
        key = (row[names[0]], row[names[1]])
        found.setdefault(key, Sums(*key)).add(_state(row), row["n"], int(row["amount"]))
    return sorted(found.values(), key=lambda sums: (-sums.sales, sums.network, sums.asset))


def _funnel(quoted: int, rows: Iterable[Mapping[str, Any]]) -> Funnel:
    count: dict[str, int] = defaultdict(int)
    lost: dict[Part, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        state, n = _state(row), row["n"]
        count["paid"] += n
        count["answered"] += n * (state.work == Work.ANSWERED)
        count["at_work"] += n * (state.work == Work.OPEN and state.money != Money.FAILED)
        count["settled"] += n * (state.money in PAID and state.work == Work.ANSWERED)
        count["under_way"] += n * (
            state.work == Work.ANSWERED and state.money in (Money.NONE, Money.BROADCAST)
        )
        if row["cause"]:
            ended = Part.UNCOLLECTED if state.work == Work.ANSWERED else Part.NOT_CHARGED
            lost[ended][row["cause"]] += n
    return Funnel(
        quoted=quoted,
        paid=count["paid"],
        answered=count["answered"],
        settled=count["settled"],
        at_work=count["at_work"],
        under_way=count["under_way"],
        unanswered=_worst_first(lost[Part.NOT_CHARGED]),
        uncollected=_worst_first(lost[Part.UNCOLLECTED]),
    )


def _worst_first(causes: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(causes.items(), key=lambda each: (-each[1], each[0])))


def _quoted(look: Look, listings: Collection[UUID]) -> int:
    """About how often the listings were quoted; a quote names every network at once."""
    counts = ChallengeDay.objects.filter(
        listing_id__in=listings if look.listing_id is None else [look.listing_id],
        day__range=(look.span.first, look.span.last),
    )
    return int(counts.aggregate(n=Sum("challenges"))["n"] or 0)
