"""Approvals that the operator's rules give: small changes of sellers who are known to be good.

Rules approve, and never refuse: what they do not approve waits for people. They never let money
or calls go somewhere new. Off unless the operator sets `SOUK_AUTO_APPROVE_BELOW`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone

from sellers.grading.checks import REQUIRED, Check
from sellers.models import Listing, Report, Revision, Seller, SoldRevision, Verdict
from sellers.payouts.payouts import pays_elsewhere
from sellers.profile.look_alikes import likenesses
from sellers.reviews.two_people import dearest, why_two
from sellers.site import ReviewRules
from sellers.terms import Terms

QUIET = timedelta(days=90)  # how long after a refusal or a suspension people look again


def consider(listing: Listing, checks: Sequence[Check], rules: ReviewRules) -> Verdict | None:
    """Say yes in the rules' name, if nothing speaks against it; carried out like everybody's."""
    if not rules.unasked_below or objections(listing, checks, rules):
        return None
    revision = listing.proposed_revision
    assert revision is not None  # something speaks against nothing
    now = timezone.now()
    try:
        with transaction.atomic():
            return Verdict.objects.create(
                listing=listing,
                kind=Verdict.Kind.APPROVE,
                revision_hash=bytes(revision.hash),
                by_rules=True,
                at=now,
                due_at=now,
            )
    except IntegrityError:
        return None  # somebody has decided about it meanwhile


def objections(listing: Listing, checks: Sequence[Check], rules: ReviewRules) -> list[str]:
    """Why the rules leave this to people; nothing when they approve it."""
    revision = listing.proposed_revision
    if revision is None or not rules.unasked_below:
        return ["the operator lets people look at everything"]
    return [
        *_of_seller(listing.seller, rules),
        *_of_listing(listing, revision),
        *_of_terms(Terms.from_json(revision.terms), rules),
        *why_two(listing, rules),
        *(f"the check {c.check} fails" for c in checks if not c.passed and c.severity == REQUIRED),
        *([] if checks else ["no checklist was gone through"]),
        *(f"{each.what} {each.path}" for each in likenesses(listing)),
    ]


def _of_seller(seller: Seller, rules: ReviewRules) -> Iterator[str]:
    """Known to be good: a proven wallet, people's approvals, and no trouble lately."""
    if seller.owner_id is None or not seller.payouts.filter(revoked_at__isnull=True).exists():
        yield "the seller has proven no wallet"
    judged = Verdict.objects.filter(listing__seller=seller)
    approved = judged.filter(
        kind=Verdict.Kind.APPROVE, became=Verdict.Became.DONE, by_rules=False
    ).count()
    if approved < rules.unasked_after:
        yield f"people approved {approved} of {rules.unasked_after} proposals of this seller so far"
    lately = judged.filter(at__gt=timezone.now() - QUIET, became=Verdict.Became.DONE)
    if lately.filter(kind__in=(Verdict.Kind.REFUSE, Verdict.Kind.SUSPEND)).exists():
        yield f"something of this seller was refused or suspended in {QUIET.days} days"
    if Report.objects.filter(listing__seller=seller, closed_at__isnull=True).exists():
        yield "a report about this seller is open"


def _of_listing(listing: Listing, revision: Revision) -> Iterator[str]:
    if listing.state not in (Listing.State.IN_REVIEW, Listing.State.LIVE, Listing.State.PAUSED):
        yield "the listing is stopped"
    known = _wallets_sold_into(listing.seller)
    if any(price["pay_to"] not in known for price in revision.terms["prices"]):
        yield "money would go into a wallet that this seller was never paid into"
    live = listing.live_revision
    if pays_elsewhere(revision, live):  # also where one person's yes is enough
        yield "money would go into another wallet than now"
    if live is not None and _host(live) != _host(revision):
        yield "calls would go to another host"


def _of_terms(terms: Terms, rules: ReviewRules) -> Iterator[str]:
    if dearest(terms) >= rules.unasked_below:
        yield f"a call costs ${rules.unasked_below:f} or more"


def _wallets_sold_into(seller: Seller) -> set[str]:
    sold = SoldRevision.objects.filter(listing__seller=seller).values("revision__prices__pay_to")
    return {row["revision__prices__pay_to"] for row in sold}


def _host(revision: Revision) -> str:
    return urlsplit(str(revision.terms["upstream_url"])).netloc.lower()
