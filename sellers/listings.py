"""The life of a listing: draft, review, sale, pause, end. The only writer of its state and offers.

    draft → in_review      submit;  back to draft by refuse or by proposing something else
    in_review → live       approve
    live ⇄ paused          pause, resume
    any but retired → suspended → paused (or draft, if it was never approved)   suspend, restore
    any → retired          retire, for good; the slug stays taken

A listing that was approved once keeps selling while a new revision of it is drafted and reviewed.
What may be claimed (payments' OpenOffer) opens and closes in the same transaction as the state,
and so does the shelf's version, which is raised last because every publisher waits for that row.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, Value
from django.db.models.functions import Now
from django.utils import timezone

from payments.ids import new_id
from payments.models import OpenOffer
from payments.x402.networks import address_bytes, checksum
from sellers.directory import refuse_odd_slug
from sellers.models import Listing, Price, Revision, Seller
from sellers.models import UpstreamSecret as Secret
from sellers.outbox import announce
from sellers.payouts import refuse_fresh, refuse_unproven, strike
from sellers.refusals import ListingRefused, Why, bad
from sellers.revisions import write_revision
from sellers.secrets import Vault, header_name, header_value
from sellers.terms import Terms
from sellers.texts import clean

State = Listing.State
REASON_CHARACTERS_MAX = 500
CLOSED_OFFERS_KEPT = timedelta(days=30)
OFFERS_AT_ONCE = 1_000
NOT_RETIRED = frozenset(State) - {State.RETIRED}


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
def propose(listing_id: UUID, terms: Terms) -> Listing:
    """Draft another revision; what is live stays as it is until the new one is approved."""
    listing = _locked(listing_id)
    _refuse_unless(listing, NOT_RETIRED)
    revision = write_revision(listing, terms)
    if revision == listing.live_revision:
        raise ListingRefused(Why.UNCHANGED, "these are the terms it is sold on already")
    if revision == listing.proposed_revision:
        return listing
    listing.proposed_revision, listing.submitted_at = revision, None
    if listing.state == State.IN_REVIEW:
        listing.state = State.DRAFT
    listing.save(update_fields=["proposed_revision", "submitted_at", "state"])
    return listing


@transaction.atomic
def submit(listing_id: UUID) -> Listing:
    """Ask for review of what is proposed; doing it twice changes nothing."""
    listing = _locked(listing_id)
    _refuse_unless(listing, NOT_RETIRED)
    if listing.proposed_revision is None:
        raise ListingRefused(Why.NOTHING_PROPOSED, "there is nothing new to review")
    _refuse_missing_secrets(listing, listing.proposed_revision)
    refuse_unproven(listing.seller, listing.proposed_revision)
    if listing.submitted_at is None:
        listing.submitted_at = timezone.now()
        listing.reason = listing.reason if listing.state == State.SUSPENDED else ""
        if listing.state == State.DRAFT:
            listing.state = State.IN_REVIEW
        listing.save(update_fields=["submitted_at", "state", "reason"])
    return listing


@transaction.atomic
def approve(
    listing_id: UUID, revision_hash: bytes, *, grace_seconds: int, cooldown_seconds: int = 0
) -> Listing:
    """Make exactly the revision that was looked at the live one; older prices end after a while."""
    listing = _locked(listing_id)
    _refuse_unless(listing, NOT_RETIRED)
    if _is(listing.live_revision, revision_hash):
        return listing
    revision = _submitted(listing, revision_hash)
    refuse_unproven(listing.seller, revision)
    refuse_fresh(listing.seller, revision, listing.live_revision, cooldown_seconds)
    listing.live_revision, listing.proposed_revision, listing.submitted_at = revision, None, None
    if listing.state == State.IN_REVIEW:
        listing.state = State.LIVE
    if listing.state == State.LIVE:
        _close_offers(listing, after_seconds=grace_seconds)
        _open_offers(listing)
    announce(listing, "listing.approved")
    _publish(listing, "live_revision", "proposed_revision", "submitted_at", "state")
    return listing


@transaction.atomic
def refuse(listing_id: UUID, revision_hash: bytes, reason: str) -> Listing:
    """Send what was proposed back to its seller, who is told why; what is live stays live."""
    listing = _locked(listing_id)
    _submitted(listing, revision_hash)
    listing.submitted_at, listing.reason = None, _reason(reason)
    if listing.state == State.IN_REVIEW:
        listing.state = State.DRAFT
    listing.save(update_fields=["submitted_at", "reason", "state"])
    announce(listing, "listing.refused")
    return listing


@transaction.atomic
def pause(listing_id: UUID) -> Listing:
    """Stop selling at once, until resumed; prices that were still good end too."""
    listing = _locked(listing_id)
    return _stop(listing, State.PAUSED, {State.LIVE})


@transaction.atomic
def resume(listing_id: UUID) -> Listing:
    """Sell again, on the terms approved last."""
    listing = _locked(listing_id)
    if listing.state == State.LIVE:
        return listing
    _refuse_unless(listing, {State.PAUSED})
    assert listing.live_revision is not None  # a paused listing was approved once
    refuse_unproven(listing.seller, listing.live_revision)
    listing.state = State.LIVE
    _open_offers(listing)
    _publish(listing, "state")
    return listing


@transaction.atomic
def suspend(listing_id: UUID, reason: str) -> Listing:
    """Stop a listing by the marketplace's own decision; its seller is told why."""
    listing = _locked(listing_id)
    listing.reason = _reason(reason)
    if listing.state != State.SUSPENDED:
        _stop(listing, State.SUSPENDED, NOT_RETIRED)
        announce(listing, "listing.suspended")
    return listing


@transaction.atomic
def restore(listing_id: UUID) -> Listing:
    """Lift a suspension: back to paused, for its seller to resume, or to a draft never approved."""
    listing = _locked(listing_id)
    _refuse_unless(listing, {State.SUSPENDED})
    listing.state = State.PAUSED if listing.live_revision else State.DRAFT
    listing.submitted_at = listing.submitted_at if listing.live_revision else None
    listing.reason = ""
    announce(listing, "listing.restored")
    _publish(listing, "state", "submitted_at", "reason")
    return listing


@transaction.atomic
def retire(listing_id: UUID) -> Listing:
    """End a listing for good. Its address is never given to another one."""
    listing = _locked(listing_id)
    listing.proposed_revision, listing.submitted_at = None, None
    return _stop(listing, State.RETIRED, frozenset(State))


@transaction.atomic
def revoke_payout(pay_to: str, seller: Seller | None = None) -> list[Listing]:
    """Pause everything that pays into this wallet, because nobody vouches for it any more.

    A seller's word counts for their own listings; without a seller it is the operator's, for all.
    """
    try:
        address = checksum(address_bytes(pay_to))
    except ValueError:
        raise bad("wallet", "a wallet's address is 0x and 40 hexadecimal digits") from None
    for each in Seller.objects.filter(payouts__address=address).distinct():
        if seller in (None, each):
            strike(each, address)
    paying = Price.objects.filter(pay_to=address).values("revision")
    in_grace = OpenOffer.objects.filter(pay_to=address, closed_at__gt=Now()).values("listing_id")
    listings = Listing.objects.filter(
        Q(live_revision__in=paying) | Q(pk__in=in_grace), state=State.LIVE
    )
    if seller is not None:
        listings = listings.filter(seller=seller)
    # All of them in one order before the first is published, so that nobody waits in a circle.
    ids = list(listings.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    return [pause(listing_id) for listing_id in ids]


@transaction.atomic
def keep_secret(listing_id: UUID, name: str, value: str, vault: Vault) -> None:
    """Set the value of a header that only the listing's upstream gets to see."""
    listing = _locked(listing_id)
    name = header_name(name, "header").lower()
    sealed = vault.seal(listing.pk, name, header_value(name, value))
    Secret.objects.update_or_create(listing=listing, name=name, defaults={"sealed": sealed})
    _publish(listing)


@transaction.atomic
def take_over_secrets(listing_id: UUID, sealed: Mapping[str, str]) -> None:
    """Keep header values that were sealed for this listing while it was being typed."""
    listing = _locked(listing_id)
    for name, value in sealed.items():
        Secret.objects.update_or_create(
            listing=listing, name=name, defaults={"sealed": value.encode()}
        )
    if sealed:
        _publish(listing)


def _locked(listing_id: UUID) -> Listing:
    """The listing as it is now, and nobody else changing it before this transaction ends."""
    listings = Listing.objects.select_for_update(of=("self",))
    listing = (
        listings.select_related("seller", "live_revision", "proposed_revision")
        .filter(pk=listing_id)
        .first()
    )
    if listing is None:
        raise ListingRefused(Why.NO_SUCH_LISTING, "no such listing")
    return listing


def _submitted(listing: Listing, revision_hash: bytes) -> Revision:
    revision = listing.proposed_revision
    if revision is None or listing.submitted_at is None:
        raise ListingRefused(Why.NOT_SUBMITTED, "nothing of this listing is in review")
    if not _is(revision, revision_hash):
        raise ListingRefused(Why.CHANGED_MEANWHILE, "the seller proposed something else meanwhile")
    return revision


def _refuse_missing_secrets(listing: Listing, revision: Revision) -> None:
    kept = set(listing.secrets.values_list("name", flat=True))
    if missing := sorted(set(revision.terms["secret_headers"]) - kept):
        raise bad("secret_headers", f"{missing[0]} has no value yet")


def _is(revision: Revision | None, revision_hash: bytes) -> bool:
    return revision is not None and bytes(revision.hash) == revision_hash


def _stop(listing: Listing, state: Listing.State, allowed: Set[Listing.State]) -> Listing:
    if listing.state == state:
        return listing
    _refuse_unless(listing, allowed)
    listing.state = state
    _close_offers(listing, after_seconds=0)
    _publish(listing, "state", "reason", "proposed_revision", "submitted_at")
    return listing


def _open_offers(listing: Listing) -> None:
    revision = listing.live_revision
    assert revision is not None  # only what was approved is opened
    OpenOffer.objects.bulk_create(
        OpenOffer(
            listing_id=listing.pk,
            revision_hash=bytes(revision.hash),
            network=price.network,
            scheme=price.scheme,
            asset=price.asset,
            pay_to=price.pay_to,
            amount_atomic=price.amount_atomic,
            opened_at=Now(),
        )
        for price in revision.prices.all()
    )


def _close_offers(listing: Listing, *, after_seconds: int) -> None:
    """End what may be claimed: now, or after a grace in which an older price is still good."""
    end = Now() + Value(timedelta(seconds=after_seconds))
    open_ones = OpenOffer.objects.filter(listing_id=listing.pk)
    open_ones.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=end)).update(closed_at=end)


def forget_closed() -> int:
    """Drop what could be claimed once, a month after it ended; revisions keep their prices."""
    gone = 0
    old = OpenOffer.objects.filter(closed_at__lt=Now() - CLOSED_OFFERS_KEPT).order_by("closed_at")
    while ids := list(old.values_list("pk", flat=True)[:OFFERS_AT_ONCE]):
        gone += OpenOffer.objects.filter(pk__in=ids).delete()[0]
    return gone


def _publish(listing: Listing, *changed: str) -> None:
    """Save what changed and tell every door to look again."""
    listing.shelf_version = _raised_shelf_version()
    listing.save(update_fields=[*changed, "shelf_version"])


def _raised_shelf_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into sellers_shelfversion as shelf (id, version) values (1, 1)"
            " on conflict (id) do update set version = shelf.version + 1 returning version"
        )
        row = cursor.fetchone()
    return int(row[0])


def _refuse_unless(listing: Listing, allowed: Set[Listing.State]) -> None:
    if listing.state not in allowed:
        raise ListingRefused(
            Why.WRONG_STATE, f"{listing.path} is {listing.state.replace('_', ' ')}"
        )


def _reason(reason: str) -> str:
    text = clean(reason, REASON_CHARACTERS_MAX)
    if not text:
        raise bad("reason", "say why: the seller is told")
    return text
