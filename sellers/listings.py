"""A listing in its seller's hands: drafted, sent in for review, paused, resumed, ended for good.

    draft → in_review      submit;  back to draft by refuse, withdraw or proposing something else
    in_review → live       approve
    live ⇄ paused          pause, resume
    any but retired → suspended → paused (or draft, if it was never approved)   suspend, restore
    any → retired          retire, for good; the slug stays taken

A listing that was approved once keeps selling while a new revision of it is drafted and reviewed,
or withdrawn: then nothing is proposed any more. What was never approved keeps its proposal.
Approving, refusing, suspending and restoring are the marketplace's (`sellers.reviews.judging`);
what goes along with any change is said in `sellers.on_sale.listing_states`.
"""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from payments.audit_log import SYSTEM
from payments.ids import new_id
from sellers import upstream_secrets
from sellers.agreements import refuse_unagreed
from sellers.models import Listing, Seller
from sellers.on_sale import audited, open_offers
from sellers.on_sale.listing_states import NOT_RETIRED, State, hold, refuse_unless
from sellers.on_sale.revisions import write_revision
from sellers.on_sale.shelving import publish
from sellers.on_sale.stopping import stop
from sellers.payouts.payouts import refuse_unproven
from sellers.profile.directory import refuse_odd_slug
from sellers.refusals import ListingRefused, Why
from sellers.terms import Terms


@transaction.atomic
def create_draft(
    seller: Seller, slug: str, terms: Terms, listing_id: UUID | None = None
) -> Listing:
    """A new listing with its first revision, not yet for sale and not yet for review."""
    refuse_odd_slug(slug)
    listing = Listing(pk=listing_id or new_id(), seller=seller, slug=slug)
    try:
        with transaction.atomic():
            listing.save(force_insert=True)
    except IntegrityError:
        raise ListingRefused(Why.SLUG_TAKEN, f"{seller.slug}/{slug} is taken", "slug") from None
    listing.proposed_revision = write_revision(listing, terms)
    listing.save(update_fields=["proposed_revision"])
    return listing


@transaction.atomic
def propose(listing_id: UUID, terms: Terms, *, by: str = SYSTEM) -> Listing:
    """Draft another revision; what is live stays as it is until the new one is approved.

    To propose what is live again takes back what else was proposed; then nothing is.
    """
    listing = hold(listing_id)
    was = audited.facts(listing)
    refuse_unless(listing, NOT_RETIRED)
    if is_sold_on(listing, terms):
        if listing.proposed_revision is None:
            raise ListingRefused(Why.UNCHANGED, "these are the terms it is sold on already")
        return _withdrawn(listing, by)
    revision = write_revision(listing, terms)
    if revision == listing.proposed_revision:
        return listing
    upstream_secrets.take_along(listing, revision)
    listing.proposed_revision, listing.submitted_at = revision, None
    if listing.state == State.IN_REVIEW:
        listing.state = State.DRAFT
    listing.save(update_fields=["proposed_revision", "submitted_at", "state"])
    audited.note(by, "listing.proposed", listing, was)
    return listing


@transaction.atomic
def submit(listing_id: UUID, *, by: str = SYSTEM, operators_word: bool = False) -> Listing:
    """Ask for review of what is proposed; doing it twice changes nothing.

    Its seller has accepted the terms of today, or the operator, whose terms they are, submits it.
    """
    listing = hold(listing_id)
    was = audited.facts(listing)
    refuse_unless(listing, NOT_RETIRED)
    if listing.proposed_revision is None:
        raise ListingRefused(Why.NOTHING_PROPOSED, "there is nothing new to review")
    if not operators_word:
        refuse_unagreed(listing.seller)
    upstream_secrets.refuse_missing(listing, listing.proposed_revision)
    refuse_unproven(listing.seller, listing.proposed_revision)
    if listing.submitted_at is None:
        listing.submitted_at = timezone.now()
        listing.reason = listing.reason if listing.state == State.SUSPENDED else ""
        if listing.state == State.DRAFT:
            listing.state = State.IN_REVIEW
        listing.save(update_fields=["submitted_at", "state", "reason"])
        audited.note(by, "listing.submitted", listing, was)
    return listing


@transaction.atomic
def withdraw(listing_id: UUID, *, by: str = SYSTEM) -> Listing:
    """Take back what is proposed, or its submission where nothing was ever approved.

    Doing it twice changes nothing.
    """
    listing = hold(listing_id)
    refuse_unless(listing, NOT_RETIRED)
    return _withdrawn(listing, by) if can_withdraw(listing) else listing


def can_withdraw(listing: Listing) -> bool:
    """Whether something is proposed beside what is sold, or waits for its first review."""
    if listing.state == State.RETIRED or listing.proposed_revision is None:
        return False
    return listing.live_revision is not None or listing.submitted_at is not None


def is_sold_on(listing: Listing, terms: Terms) -> bool:
    """Whether these are the terms that are live already."""
    live = listing.live_revision
    return live is not None and terms.says_the_same(Terms.from_json(live.terms))


@transaction.atomic
def pause(listing_id: UUID, *, by: str = SYSTEM, why: str = "") -> Listing:
    """Stop selling at once, until resumed; prices that were still good end too."""
    listing = hold(listing_id)
    return stop(listing, State.PAUSED, {State.LIVE}, by, why)


@transaction.atomic
def resume(listing_id: UUID, *, by: str = SYSTEM) -> Listing:
    """Sell again, on the terms approved last."""
    listing = hold(listing_id)
    if listing.state == State.LIVE:
        return listing
    refuse_unless(listing, {State.PAUSED})
    assert listing.live_revision is not None  # a paused listing was approved once
    refuse_unproven(listing.seller, listing.live_revision)
    was = audited.facts(listing)
    listing.state = State.LIVE
    open_offers.open_live(listing)
    publish(listing, "state")
    audited.note(by, "listing.resumed", listing, was)
    return listing


@transaction.atomic
def retire(listing_id: UUID, *, by: str = SYSTEM) -> Listing:
    """End a listing for good. Its address is never given to another one."""
    listing = hold(listing_id)
    return stop(listing, State.RETIRED, frozenset(State), by)


def _withdrawn(listing: Listing, by: str) -> Listing:
    """A verdict that waits to take effect finds nothing to judge, and fails."""
    was = audited.facts(listing)
    listing.submitted_at = None
    if listing.live_revision is not None:
        upstream_secrets.drop_waiting(listing)
        listing.proposed_revision = None
        listing.reason = listing.reason if listing.state == State.SUSPENDED else ""
    elif listing.state == State.IN_REVIEW:
        listing.state = State.DRAFT
    listing.save(update_fields=["proposed_revision", "submitted_at", "state", "reason"])
    audited.note(by, "listing.withdrawn", listing, was)
    return listing
