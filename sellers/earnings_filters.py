"""What of a seller's earnings is looked at: everything that stands in the page's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from payments.ids import read_id
from payments.models import Money, Work
from payments.reports.looks import Look, Span, nearest_day, read_day
from payments.reports.sales import Wanted
from payments.states import REFUND_WORDS, State, words
from payments.x402.networks import NETWORKS, address_bytes, checksum
from sellers.models import Listing, Seller

PERIODS: Final = {
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "12m": "12 months",
    "year": "This year",
    "last-year": "Last year",
    "all": "All time",
}
STEPS: Final = {"day": "by day", "week": "by week", "month": "by month"}
USUAL = "30d"
_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
BARS_MAX: Final = {"day": 100, "week": 80, "month": 240}
STATES: Final = {
    found.key: found.text
    for found in (words(State(work, money)) for work in Work for money in Money)
} | {said.key: said.text for said in REFUND_WORDS.values()}


@dataclass(frozen=True, slots=True)
class Offering:
    """One of the seller's listings, as filters and tables name it."""

    id: UUID
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Filters:
    """The choices, each valid; whatever an address says wrongly counts as not said."""

    seller: Seller
    period: str
    span: Span
    listing: Offering | None = None
    network: str = ""
    state: str = ""
    payer: str = ""
    older: UUID | None = None
    newer: UUID | None = None

    @property
    def look(self) -> Look:
        listing = self.listing.id if self.listing else None
        return Look(self.seller.pk, self.span, listing, self.network)

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.look, self.state, self.payer, self.older, self.newer)

    @property
    def narrows(self) -> bool:
        """Whether something but the time is chosen."""
        return bool(self.listing or self.network or self.state or self.payer)

    @property
    def first_day(self) -> str:
        return self.span.first.isoformat()

    @property
    def last_day(self) -> str:
        return self.span.last.isoformat()

    def address(self, **changed: str) -> str:
        """The same page with some choices changed; pages of payments start anew."""
        said = {
            "period": self.period,
            "by": self.span.step,
            "listing": self.listing.slug if self.listing else "",
            "network": self.network,
            "state": self.state,
            "buyer": self.payer,
        }
        if self.period == "custom":
            said |= {"from": self.first_day, "to": self.last_day}
        if "period" in changed:
            said.pop("by")
        return "?" + urlencode({key: value for key, value in {**said, **changed}.items() if value})


def offerings(seller: Seller) -> list[Offering]:
    """Every listing that ever was, as only those were ever paid for."""
    found = Listing.objects.filter(seller=seller).order_by("slug")
    rows = found.values_list(
        "pk", "slug", "live_revision__terms__title", "proposed_revision__terms__title"
    )
    return [Offering(key, slug, live or draft or slug) for key, slug, live, draft in rows]


def read_filters(
    given: QueryDict, seller: Seller, known: Sequence[Offering], first_sale: date | None
) -> Filters:
    period, span = read_span(given, first_sale)
    slug, network, state = (given.get(each, "") for each in ("listing", "network", "state"))
    return Filters(
        seller=seller,
        period=period,
        span=span,
        listing=next((each for each in known if each.slug == slug), None),
        network=network if network in NETWORKS else "",
        state=state if state in STATES else "",
        payer=read_wallet(given.get("buyer", "")),
        older=read_id(given.get("older", "")),
        newer=read_id(given.get("newer", "")),
    )


def read_span(given: QueryDict, earliest: date | None, usual: str = USUAL) -> tuple[str, Span]:
    """The days that an address names; "all" begins with the first there is anything of.

    A time of one's own is as open as all time on each side that no day is given for.
    """
    today = datetime.now(UTC).date()
    period = given.get("period", usual)
    if period not in PERIODS and period != "custom":
        period = usual
    if period == "custom":
        span = _chosen(given, earliest or today, today)
    elif period == "12m":
        span = Span((today.replace(day=1) - timedelta(days=334)).replace(day=1), today, "month")
    elif period == "year":
        span = Span(date(today.year, 1, 1), today, "month")
    elif period == "last-year":
        span = Span(date(today.year - 1, 1, 1), date(today.year - 1, 12, 31), "month")
    elif period == "all":
        span = Span(earliest or today, today, "month")
    else:
        period = period if period in _DAYS else USUAL
        span = Span(today - timedelta(days=_DAYS[period] - 1), today)
    return period, _stepped(span, given.get("by", ""))


def _chosen(given: QueryDict, earliest: date, today: date) -> Span:
    first, last = (_day(given.get(each, "")) for each in ("from", "to"))
    if first and last and first > last:
        first = last = None
    first = first or min(earliest, last or today)
    last = last or max(first, today)
    return Span(first, min(last, today) if first <= today else last)


def _stepped(span: Span, asked: str) -> Span:
    """As fine as was asked for and as a chart can show."""
    days = (span.last - span.first).days + 1
    usual = "day" if days <= BARS_MAX["day"] else "month"
    step = asked if asked in STEPS else (span.step if span.step != "day" else usual)
    lengths = {"day": 1, "week": 7, "month": 28}
    while days > BARS_MAX[step] * lengths[step] and step != "month":
        step = "week" if step == "day" else "month"
    first = _first_bar(span.last) if step == "month" else span.first
    return replace(span, first=max(span.first, first), step=step)


def _first_bar(last: date) -> date:
    """The first day of the earliest month of which a chart that ends here has a bar."""
    months = last.year * 12 + last.month - BARS_MAX["month"]
    return date(months // 12, months % 12 + 1, 1)


def _day(text: str) -> date | None:
    day = read_day(text)
    return nearest_day(day) if day else None


def read_wallet(text: str) -> str:
    """An address in the spelling in which payments keep it."""
    try:
        return checksum(address_bytes(text.strip()))
    except ValueError:
        return ""
