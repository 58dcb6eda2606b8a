"""A listing in the marketplace's hands: approved, refused, suspended, restored.

What moderators say takes effect here, at once; when it does is `sellers.reviews.verdicts`'. The
whole life of a listing is drawn in `sellers.listings`.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from payments.audit_log import SYSTEM
from sellers import upstream_secrets
from sellers.grading.header_budget import refuse_too_long
from sellers.models import Listing, Revision
from sellers.news.suspensions import take_suspended_back, tell_restored, tell_suspended
from sellers.on_sale import audited, open_offers
from sellers.on_sale.listing_states import NOT_RETIRED, State, hold, refuse_unless
from sellers.on_sale.shelving import publish
from sellers.on_sale.stopping import stop
from sellers.payouts.payouts import refuse_fresh, refuse_unproven
from sellers.refusals import ListingRefused, Why, bad
from sellers.site import this_site
from sellers.terms import Terms
from sellers.texts import clean
from sellers.webhooks.outbox import announce

REASON_CHARACTERS_MAX = 500


@transaction.atomic
def refuse_unapprovable(listing_id: UUID, revision_hash: bytes, cooldown_seconds: int) -> Listing:
    """Refuse what an approval of this revision would be refused for, and change nothing."""
    listing = hold(listing_id)
    _approvable(listing, revision_hash, cooldown_seconds)
    return listing


@transaction.atomic
def approve(
    listing_id: UUID,
    revision_hash: bytes,
    *,
    grace_seconds: int,
    cooldown_seconds: int = 0,
    by: str = SYSTEM,
) -> Listing:
    """Make exactly the revision that was looked at the live one; older prices end after a while."""
    listing = hold(listing_id)
    was = audited.facts(listing)
    refuse_unless(listing, NOT_RETIRED)
    if _is(listing.live_revision, revision_hash):
        return listing
    revision = _approvable(listing, revision_hash, cooldown_seconds)
    if upstream_secrets.leaves_its_host(listing, revision):
        grace_seconds = 0  # calls at an older price would take the new host's secrets to the old
    upstream_secrets.bring_in(listing, revision)
    listing.live_revision, listing.proposed_revision, listing.submitted_at = revision, None, None
    if listing.state == State.IN_REVIEW:
        listing.state = State.LIVE
    if listing.state == State.LIVE:
        open_offers.close([listing.pk], after_seconds=grace_seconds)
        open_offers.open_live(listing)
    announce(listing, "listing.approved")
    publish(listing, "live_revision", "proposed_revision", "submitted_at", "state")
    audited.note(by, "listing.approved", listing, was)
    return listing


@transaction.atomic
def refuse_unjudged(listing_id: UUID, revision_hash: bytes, reason: str) -> Listing:
    """Refuse what sending this revision back would be refused for, and change nothing."""
    listing = hold(listing_id)
    _submitted(listing, revision_hash)
    _reason(reason)
    return listing


@transaction.atomic
def refuse(
    listing_id: UUID,
    revision_hash: bytes,
    reason: str,
    *,
    asking: bool = False,
    by: str = SYSTEM,
) -> Listing:
    """Send what was proposed back to its seller, who is told why; what is live stays live.

    Whoever asks for changes sends it back, too, and says what would make it good.
    """
    listing = hold(listing_id)
    was = audited.facts(listing)
    _submitted(listing, revision_hash)
    listing.submitted_at, listing.reason = None, _reason(reason)
    if listing.state == State.IN_REVIEW:
        listing.state = State.DRAFT
    listing.save(update_fields=["submitted_at", "reason", "state"])
    said = "listing.changes_asked" if asking else "listing.refused"
    announce(listing, said)
    audited.note(by, said, listing, was, listing.reason)
    return listing


@transaction.atomic
def suspend(listing_id: UUID, reason: str, *, by: str = SYSTEM) -> Listing:
    """Stop a listing by the marketplace's own decision; its seller is told why."""
    listing = hold(listing_id)
    listing.reason = _reason(reason)
    if listing.state != State.SUSPENDED:
        stop(listing, State.SUSPENDED, NOT_RETIRED, by, listing.reason)
        announce(listing, "listing.suspended")
        tell_suspended(listing)
    return listing


@transaction.atomic
def restore(listing_id: UUID, *, by: str = SYSTEM) -> Listing:
    """Lift a suspension: back to paused, for its seller to resume, or to a draft never approved."""
    listing = hold(listing_id)
    was = audited.facts(listing)
    refuse_unless(listing, {State.SUSPENDED})
    listing.state = State.PAUSED if listing.live_revision else State.DRAFT
    listing.submitted_at = listing.submitted_at if listing.live_revision else None
    listing.reason = ""
    announce(listing, "listing.restored")
    tell_restored(listing)
    publish(listing, "state", "submitted_at", "reason")
    audited.note(by, "listing.restored", listing, was)
    return listing


@transaction.atomic
def unsuspend(listing_id: UUID, state: str, *, by: str = SYSTEM) -> Listing:
    """Take back a suspension that was a mistake: the listing is what it was a moment before."""
    listing = hold(listing_id)
    was = audited.facts(listing)
    refuse_unless(listing, {State.SUSPENDED})
    listing.state, listing.reason = State(state), ""
    if listing.state == State.IN_REVIEW and listing.submitted_at is None:
        listing.state = State.DRAFT  # its seller has proposed something else meanwhile
    if listing.live_revision is not None and listing.state in (State.DRAFT, State.IN_REVIEW):
        listing.state = State.PAUSED  # it was approved meanwhile
    if listing.state == State.LIVE:
        assert listing.live_revision is not None  # it was sold
        refuse_unproven(listing.seller, listing.live_revision)
        open_offers.open_live(listing)
    announce(listing, "listing.restored")
    take_suspended_back(listing)
    publish(listing, "state", "reason")
    audited.note(by, "listing.restored", listing, was)
    return listing


def _submitted(listing: Listing, revision_hash: bytes) -> Revision:
    revision = listing.proposed_revision
    if revision is None or listing.submitted_at is None:
        raise ListingRefused(Why.NOT_SUBMITTED, "nothing of this listing is in review")
    if not _is(revision, revision_hash):
        raise ListingRefused(Why.CHANGED_MEANWHILE, "the seller proposed something else meanwhile")
    return revision


def _approvable(listing: Listing, revision_hash: bytes, cooldown_seconds: int) -> Revision:
    refuse_unless(listing, NOT_RETIRED)
    revision = _submitted(listing, revision_hash)
    refuse_unproven(listing.seller, revision)
    refuse_fresh(listing.seller, revision, listing.live_revision, cooldown_seconds)
    refuse_too_long(Terms.from_json(revision.terms), listing.path, this_site())
    upstream_secrets.refuse_missing(listing, revision)
    return revision


def _is(revision: Revision | None, revision_hash: bytes) -> bool:
    return revision is not None and bytes(revision.hash) == revision_hash


def _reason(reason: str) -> str:
    text = clean(reason, REASON_CHARACTERS_MAX)
    if not text:
        raise bad("reason", "say why: the seller is told")
    return text
