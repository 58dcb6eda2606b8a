"""A seller's past, for whoever judges them: what they sell, what was said of it, who was paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from sellers.domains.claims import domain_of
from sellers.models import (
    Domain,
    Listing,
    Payout,
    Price,
    Report,
    Revision,
    Seller,
    SoldRevision,
    Verdict,
)

WALLETS_SHOWN_MAX = 50
VERDICTS_SHOWN_MAX = 50
_Done = Verdict.Became.DONE


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a seller, in numbers."""

    since: datetime
    live: int
    stopped: int
    approved: int
    sent_back: int
    suspended: int
    reports_open: int
    reports_closed: int
    domain: Domain | None  # proven or not


@dataclass(frozen=True, slots=True)
class PastWallet:
    """A wallet of a seller: proven and taken back when, paid for this listing since when."""

    address: str
    network: str
    proven_at: datetime | None
    revoked_at: datetime | None
    paid_since: datetime | None
    is_live: bool
    is_proposed: bool
    elsewhere: tuple[str, ...]  # other sellers who are paid into it


def record(seller: Seller) -> Record:
    """A seller's past in numbers."""
    states = dict(
        Listing.objects.filter(seller=seller).values_list("state").annotate(n=Count("pk"))
    )
    said = dict(
        Verdict.objects.filter(listing__seller=seller, became=_Done)
        .values_list("kind")
        .annotate(n=Count("pk"))
    )
    reports = Report.objects.filter(listing__seller=seller)
    still = reports.filter(closed_at__isnull=True).count()
    return Record(
        since=seller.created_at,
        live=states.get("live", 0),
        stopped=states.get("suspended", 0),
        approved=said.get("approve", 0),
        sent_back=said.get("refuse", 0) + said.get("ask", 0),
        suspended=said.get("suspend", 0),
        reports_open=still,
        reports_closed=reports.count() - still,
        domain=domain_of(seller),
    )


def wallets(listing: Listing) -> list[PastWallet]:
    """Every wallet that this listing was, is or would be paid into, and the seller's others."""
    sold = dict(
        SoldRevision.objects.filter(listing=listing)
        .values_list("revision__prices__pay_to")
        .annotate(since=Min("at"))
    )
    live = _paid(listing.live_revision)
    proposed = _paid(listing.proposed_revision) if listing.submitted_at else set()
    proven = list(listing.seller.payouts.order_by("-proven_at")[:WALLETS_SHOWN_MAX])
    known = {payout.address for payout in proven}
    shown = [(payout.address, payout) for payout in proven] + [
        (address, None) for address in sorted((set(sold) | live | proposed) - known)
    ]
    others = _others_paid(listing, {address for address, _ in shown})
    return [
        PastWallet(
            address=address,
            network=payout.network if payout else "",
            proven_at=payout.proven_at if payout else None,
            revoked_at=payout.revoked_at if payout else None,
            paid_since=sold.get(address),
            is_live=address in live,
            is_proposed=address in proposed,
            elsewhere=tuple(sorted(others.get(address, ()))),
        )
        for address, payout in shown
    ]


def verdicts(listing: Listing) -> list[Verdict]:
    """What was said of a listing, the newest first."""
    said = listing.verdicts.select_related("moderator").order_by("-at")
    return list(said[:VERDICTS_SHOWN_MAX])


def last_word(listing: Listing) -> str:
    """How the moderators' reason came about: refused, changes asked for; nothing is known else."""
    kinds = (Verdict.Kind.REFUSE, Verdict.Kind.ASK)
    said = listing.verdicts.filter(became=_Done, kind__in=kinds).order_by("-at")
    return str(said.values_list("kind", flat=True).first() or "")


def _paid(revision: Revision | None) -> set[str]:
    return {price["pay_to"] for price in revision.terms["prices"]} if revision else set()


def _others_paid(listing: Listing, addresses: set[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    proven = Payout.objects.filter(address__in=addresses, revoked_at__isnull=True)
    priced = Price.objects.filter(pay_to__in=addresses, revision__listing__state="live")
    pairs = [
        *proven.exclude(seller=listing.seller).values_list("address", "seller__slug"),
        *priced.exclude(revision__listing__seller=listing.seller).values_list(
            "pay_to", "revision__listing__seller__slug"
        )[:WALLETS_SHOWN_MAX],
    ]
    for address, slug in pairs:
        found.setdefault(address, set()).add(slug)
    return found
