"""A month's statement: what was earned in it, day by day and by listing, and who was paid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from payments.reports.buyers import buyers
from payments.reports.earnings import by_listing, by_time, overview, wallets_paid
from payments.reports.looks import Look, Span
from payments.reports.sums import PAYING_PARTS, Sums
from sellers.earnings.earnings_filters import Offering, offerings
from sellers.models import Price, Seller

Token = tuple[str, str]  # its network and its address there


@dataclass(frozen=True, slots=True)
class TokenMonth:
    """One token's month."""

    sums: Sums
    days: list[tuple[date, Sums]]  # those on which something was sold
    paid_to: list[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One seller's month, as far as it is counted now."""

    first: date
    last: date
    is_over: bool
    made_at: datetime
    tokens: list[TokenMonth]
    listings: list[tuple[Offering, Sums]]
    unique: int


def statement_of(seller: Seller, month: str) -> Statement | None:
    """The statement of a month such as 2026-11; None for what is no month."""
    first = _first_day(month)
    if first is None:
        return None
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    look = Look(seller.pk, Span(first, last))
    names = {each.id: each for each in offerings(seller)}
    days, paid_to = by_time(look), _paid_to(seller, look)
    return Statement(
        first=first,
        last=last,
        is_over=last < datetime.now(UTC).date(),
        made_at=timezone.now(),
        tokens=[
            TokenMonth(
                each,
                sorted(days.get((each.network, each.asset), {}).items()),
                sorted(paid_to.get((each.network, each.asset), ())),
            )
            for each in overview(look, list(names)).tokens
        ],
        listings=sorted(listings_of(look, names), key=lambda row: row[0].title.lower()),
        unique=buyers(look, most=1).unique,
    )


def listings_of(look: Look, names: dict[UUID, Offering]) -> list[tuple[Offering, Sums]]:
    """What each listing earned, by token."""
    return [
        (names[key], sums)
        for key, tokens in by_listing(look).items()
        if key in names
        for sums in tokens
    ]


def _first_day(month: str) -> date | None:
    try:
        first = datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        return None
    return first if f"{first:%Y-%m}" == month and first.year < date.max.year else None


def _paid_to(seller: Seller, look: Look) -> dict[Token, set[str]]:
    """Where each token went. Payments are read only where a listing ever asked for two wallets."""
    asked: dict[tuple[UUID, str, str], set[str]] = defaultdict(set)
    prices = Price.objects.filter(revision__listing__seller=seller)
    terms = prices.values_list("revision__listing_id", "network", "asset", "pay_to").distinct()
    for listing_id, network, asset, pay_to in terms:
        asked[listing_id, network, asset].add(pay_to)
    found: dict[Token, set[str]] = defaultdict(set)
    for listing_id, tokens in by_listing(look).items():
        for sums in tokens:
            if not sums.count(*PAYING_PARTS):
                continue
            wallets = asked[listing_id, sums.network, sums.asset]
            if len(wallets) != 1:
                sold = replace(look, listing_id=listing_id, network=sums.network)
                wallets = wallets_paid(sold, sums.asset)
            found[sums.network, sums.asset] |= wallets
    return found
