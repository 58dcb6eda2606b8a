"""What was last seen of what is sold: for its seller, for the catalog and for whoever asks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from sellers.grading import verification
from sellers.grading.checks import Check
from sellers.models import Listing, Verification
from sellers.site import this_site, verify_limits

FRESH = timedelta(minutes=5)  # what programs are told again without being asked anew


def validate(path: str) -> list[Check]:
    """The checks of a listing that is sold, asked anew when they are old; none where none are."""
    seller, _, slug = path.partition("/")
    listing = (
        Listing.objects.select_related("seller", "live_revision")
        .filter(seller__slug=seller, slug=slug, state=Listing.State.LIVE)
        .first()
    )
    if listing is None:
        return []
    known = report(listing)
    is_old = known is None or not _is_fresh(known, listing)
    # Whoever asks meanwhile is told what is known: one claims the row before it asks.
    if verify_limits().asks_itself and is_old and verification.claim_one(listing):
        checks = verification.of_listing(listing, this_site())
        known = known if checks is None else verification.record(listing.pk, checks)
    return [Check.from_json(each) for each in known.checks] if known else []


def report(listing: Listing) -> Verification | None:
    """What was last seen of a listing."""
    return Verification.objects.filter(pk=listing.pk).first()


def last_verified(listing_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each of these last passed every required check."""
    found = Verification.objects.filter(pk__in=listing_ids, good_at__isnull=False)
    return {pk: at for pk, at in found.values_list("pk", "good_at") if at is not None}


def _is_fresh(row: Verification, listing: Listing) -> bool:
    live = listing.live_revision
    same = live is not None and row.revision_hash == live.hash
    return same and row.verified_at is not None and timezone.now() - row.verified_at < FRESH
