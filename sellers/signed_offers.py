"""Which quotes the worker signs, and when: new ones at once, those that buyers ask for each minute.

A signature is good for minutes, and the 402 that carries it is written ahead of the request.
So what nobody asks for is left to run out, and the first quotes after a quiet time go without a
signature.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from payments.models import ChallengeCount, OpenOffer
from payments.receipts.signing import Signer
from sellers.extensions.offer_receipt import SignedPrices, sign_prices
from sellers.models import Listing, Revision, SignedOffers
from sellers.offers import quote, resource_url
from sellers.site import Site
from sellers.terms import Terms

VALID_SECONDS: Final = 300
AGAIN_AFTER: Final = timedelta(seconds=60)
ASKED_FOR_WITHIN: Final = timedelta(minutes=15)
REVISIONS_AT_ONCE: Final = 500  # of each kind; about 0.1 ms a price


def sign_due(signer: Signer, site: Site) -> int:
    """Sign the quotes whose turn it is, within a bound; says for how many revisions."""
    due = _due()
    prices = _open_prices(due)
    valid_until_unix = int(timezone.now().timestamp()) + VALID_SECONDS
    rows = []
    for revision in due:
        offers = quote(Terms.from_json(revision.terms), prices[revision.pk], site)
        url = resource_url(site.call_base_url, revision.listing.path)
        accepts = [offer.requirements for offer in offers]
        signed = sign_prices(accepts, url, valid_until_unix, signer)
        rows.append(
            SignedOffers(
                revision=revision,
                jws=signed.jws,
                valid_until_unix=signed.valid_until_unix,
                signed_at=Now(),
            )
        )
    SignedOffers.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["revision"],
        update_fields=["jws", "valid_until_unix", "signed_at"],
    )
    return len(rows)


def last_signed(revision: Revision) -> SignedPrices | None:
    """What was signed of a revision last, whether or not it has run out."""
    row = SignedOffers.objects.filter(revision=revision).first()
    return SignedPrices(tuple(row.jws), row.valid_until_unix) if row else None


def forget_unsold() -> int:
    """Drop the signatures of what is no longer for sale; they have run out long since."""
    old = SignedOffers.objects.filter(signed_at__lt=Now() - timedelta(seconds=VALID_SECONDS))
    gone, _ = old.exclude(revision__in=_sold()).delete()
    return gone


def _sold() -> QuerySet[Revision]:
    live = Revision.objects.select_related("listing__seller")
    return live.filter(listing__live_revision=F("pk"), listing__state=Listing.State.LIVE)


def _due() -> Sequence[Revision]:
    """What came on sale lately and was never signed; what buyers ask for and is running out.

    Both start from an index: a look at every listing would cost more than the signing.
    """
    changed_last = Listing.objects.order_by("-shelf_version")[:REVISIONS_AT_ONCE]
    new = _sold().filter(listing__in=changed_last.values("pk"), signed__isnull=True)
    quoted = ChallengeCount.objects.filter(minute__gt=Now() - ASKED_FOR_WITHIN)
    asked_for = _sold().filter(
        Q(signed__isnull=True) | Q(signed__signed_at__lt=Now() - AGAIN_AFTER),
        listing__in=quoted.values("listing_id"),
    )
    longest_unsigned_first = asked_for.order_by(F("signed__signed_at").asc(nulls_first=True))
    turns = (*new, *longest_unsigned_first[:REVISIONS_AT_ONCE])
    return list({revision.pk: revision for revision in turns}.values())


def _open_prices(revisions: Sequence[Revision]) -> dict[UUID, list[OpenOffer]]:
    by_hash = {(one.listing_id, bytes(one.hash)): one.pk for one in revisions}
    found: dict[UUID, list[OpenOffer]] = defaultdict(list)
    listings = [revision.listing_id for revision in revisions]
    for price in OpenOffer.objects.filter(listing_id__in=listings, closed_at__isnull=True):
        revision = by_hash.get((price.listing_id, bytes(price.revision_hash)))
        if revision is not None:
            found[revision].append(price)
    return found
