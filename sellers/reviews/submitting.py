"""How a draft is handed in for review: by the checklist that graders will go through."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from payments.audit_log import SYSTEM
from sellers.drafting.finishing import became, submit, terms_of
from sellers.grading import verification
from sellers.grading.checklist import checks_of, checks_of_proposal
from sellers.grading.checks import REQUIRED, Check
from sellers.grading.face import Face, look_at
from sellers.listings import submit as submit_listing
from sellers.models import Listing, Seller, Worksheet
from sellers.previews import address_of, discard, open_for_checks
from sellers.refusals import ListingRefused, Why, bad
from sellers.reviews import automatic, proposals
from sellers.site import Site, review_rules, this_site, verify_limits
from sellers.terms import Terms


def of_draft(worksheet: Worksheet, site: Site) -> list[Check]:
    """Every check of a finished draft: a preview of it is asked as graders will ask."""
    terms = terms_of(worksheet, site)
    face = _face_of(worksheet.seller, worksheet.listing_id, terms, site)
    return checks_of(worksheet, terms, _slug(worksheet), site, face)


def by_terms(worksheet: Worksheet, site: Site) -> list[Check]:
    """Every check of a finished draft, as far as its terms say; nothing is asked."""
    return checks_of(worksheet, terms_of(worksheet, site), _slug(worksheet), site)


def submit_checked(
    worksheet: Worksheet, checks: Sequence[Check], site: Site, *, by: str = SYSTEM
) -> Listing:
    """Ask for the review of a draft whose required checks all passed; they stay with it.

    A draft that a twin of this call has handed in is the listing that came of it.
    """
    _refuse_failing(checks)
    with transaction.atomic():
        if not Worksheet.objects.select_for_update(of=("self",)).filter(pk=worksheet.pk).exists():
            return became(worksheet)
        look = proposals.newest_look(worksheet)
        listing = submit(worksheet, site, by=by)
        if listing.proposed_revision is None:
            return listing  # it only took back what was proposed
        verification.keep(listing, checks)
        proposals.keep(listing, checks, look)
    automatic.consider(listing, checks, review_rules())  # takes a while: nothing is held for it
    return listing


def submit_proposed(listing_id: UUID, *, by: str = SYSTEM) -> Listing:
    """Ask for the review of what a program proposed whole, by the same checklist as a draft's."""
    known = Listing.objects.select_related("seller", "live_revision", "proposed_revision")
    listing = known.get(pk=listing_id)
    revision = listing.proposed_revision
    if revision is None or listing.submitted_at is not None:
        return submit_listing(listing_id, by=by)  # it refuses, or there is nothing to do
    site, terms = this_site(), Terms.from_json(revision.terms)
    face = _face_of(listing.seller, listing_id, terms, site)
    checks = checks_of_proposal(listing, terms, site, face)
    with transaction.atomic():
        listing = submit_listing(listing_id, by=by)
        if listing.proposed_revision != revision:
            message = "something else was proposed in the meantime; submit it again"
            raise ListingRefused(Why.CHANGED_MEANWHILE, message)
        _refuse_failing(checks)
        verification.keep(listing, checks)
        proposals.keep(listing, checks, None)
    automatic.consider(listing, checks, review_rules())  # takes a while: nothing is held for it
    return listing


def _face_of(seller: Seller, listing_id: UUID, terms: Terms, site: Site) -> Face | None:
    """What a preview of these terms answers, asked as graders ask; None where nothing is asked."""
    if not verify_limits().asks_itself:
        return None
    preview = open_for_checks(seller, listing_id, terms)
    try:
        return look_at(address_of(preview, site), terms, site)
    finally:
        discard(preview)


def _refuse_failing(checks: Sequence[Check]) -> None:
    for check in checks:
        if check.severity == REQUIRED and not check.passed:
            raise bad("checklist", f"{check.check}: {check.detail}; found {check.actual}")


def _slug(worksheet: Worksheet) -> str:
    return str(worksheet.typed.get("slug", ""))
