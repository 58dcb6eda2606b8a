"""What of a seller's earnings is looked at: everything that stands in the page's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from payments.ids import read_id
from payments.reports.finding_sales import find_sales
from payments.reports.looks import Look, Span
from payments.reports.periods import read_span
from payments.reports.sales import Wanted
from payments.states import STATE_TEXTS
from payments.x402.networks import NETWORKS, read_address
from sellers.models import Listing, Seller


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
    text: str = ""  # names payments, and no wallet
    older: UUID | None = None
    newer: UUID | None = None

    @property
    def look(self) -> Look:
        listing = self.listing.id if self.listing else None
        return Look(self.seller.pk, self.span, listing, self.network)

    def wanted(self) -> Wanted:
        """The payments, those that a text names once they are looked for."""
        only = find_sales(self.seller.pk, self.text) if self.text else None
        return Wanted(self.look, self.state, self.payer, only, self.older, self.newer)

    @property
    def narrows(self) -> bool:
        """Whether something but the time is chosen."""
        return bool(self.listing or self.network or self.state or self.payer or self.text)

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
            "q": self.text,
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
    text = given.get("q", "").strip()
    wallet = read_address(text)
    slug, network, state = (given.get(each, "") for each in ("listing", "network", "state"))
    return Filters(
        seller=seller,
        period=period,
        span=span,
        listing=next((each for each in known if each.slug == slug), None),
        network=network if network in NETWORKS else "",
        state=state if state in STATE_TEXTS else "",
        payer=wallet or read_address(given.get("buyer", "").strip()) or "",
        text="" if wallet else text,
        older=read_id(given.get("older", "")),
        newer=read_id(given.get("newer", "")),
    )
