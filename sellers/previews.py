"""A test call before anything is published: a draft behind a private address, for its seller alone.

A preview answers as the paid door does, quotes only what is paid on test networks, and takes
payments of the seller's own wallets only. Its prices are open offers under an id of its own, so
what is for sale never has to be told from what is tried out.

The address is made of the preview's id and the site's key, so that it can be shown again; what is
stored is its hash.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from payments.ids import new_id
from payments.models import Money, OpenOffer, Payment, Progress, Work
from payments.states import State, Words, words
from payments.x402.networks import NETWORKS
from sellers.drafting.finishing import terms_of
from sellers.drafting.worksheets import kept_secrets
from sellers.models import Listing, Preview, Seller, Worksheet
from sellers.offers import PREVIEWS, resource_url
from sellers.on_sale import open_offers
from sellers.on_sale.preview_ends import alive, close
from sellers.payouts.own_wallets import may_pay_now
from sellers.refusals import ListingRefused, bad
from sellers.site import PreviewLimits, Site, preview_limits
from sellers.terms import PriceTerms, Terms

CHECK_SECONDS = 120  # how long the checklist's own preview may be asked
CALLS_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class TestCall:
    """One payment for a preview, and how far it has come."""

    __test__ = False  # no test case, whatever its name says

    payment_id: UUID
    at: datetime
    revision_hash: bytes
    words: Words
    is_paid: bool
    is_final: bool


@transaction.atomic
def open_preview(worksheet: Worksheet, site: Site) -> Preview:
    """Let the seller try what the sheet says now; older previews of the sheet end."""
    limits = preview_limits()
    seller = Seller.objects.select_for_update().get(pk=worksheet.seller_id)
    terms = terms_of(worksheet, site)
    if not testable(terms):
        raise bad("price", "a test call is paid on a test network; add a price on one")
    _refuse_suspended(worksheet)
    _refuse_many(seller, limits)
    close(alive().filter(listing_id=worksheet.listing_id))
    others = alive().filter(seller=seller).exclude(payers=[]).order_by("-created_at")
    kept = list(others.values_list("pk", flat=True)[: limits.per_seller_max - 1])
    close(others.exclude(pk__in=kept))
    names = terms.secret_headers
    sealed = kept_secrets(worksheet, terms.upstream_url) if names else {}
    preview = _written(
        seller,
        worksheet.listing_id,
        terms,
        limits,
        seconds=limits.seconds,
        sealed={name: sealed[name].decode() for name in names if name in sealed},
        payers=sorted(may_pay_now(seller) | set(limits.wallets)),
    )
    open_offers.open_prices(
        preview.pk,
        bytes(preview.revision_hash),
        testable(terms),
        since=preview.created_at,
        until=preview.expires_at,
    )
    return preview


def open_for_checks(seller: Seller, listing_id: UUID, terms: Terms) -> Preview:
    """A preview that quotes every price and that nobody can pay: what the checklist asks."""
    return _written(seller, listing_id, terms, preview_limits(), seconds=CHECK_SECONDS)


def discard(preview: Preview) -> None:
    """The checklist has asked what it wanted; nothing was ever paid for this one."""
    Preview.objects.filter(pk=preview.pk, payers=[]).delete()


def _written(
    seller: Seller,
    listing_id: UUID,
    terms: Terms,
    limits: PreviewLimits,
    *,
    seconds: int,
    sealed: dict[str, str] | None = None,
    payers: list[str] | None = None,
) -> Preview:
    now, preview_id = timezone.now(), new_id()
    return Preview.objects.create(
        id=preview_id,
        seller=seller,
        listing_id=listing_id,
        token_hash=token_hash(token_of(preview_id, limits)),
        terms=terms.to_json(),
        revision_hash=terms.content_hash(),
        sealed=sealed or {},
        payers=payers or [],
        created_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )


def token_of(preview_id: UUID, limits: PreviewLimits) -> str:
    """The word in a preview's address: 256 bits that only the site can make."""
    code = hmac.digest(limits.key, preview_id.bytes, "sha256")
    return urlsafe_b64encode(code).decode().rstrip("=")


def token_hash(token: str) -> bytes:
    """What is kept of it."""
    return hashlib.sha256(token.encode()).digest()


def address_of(preview: Preview, site: Site) -> str:
    """Where a preview answers."""
    return resource_url(site.call_base_url, PREVIEWS + token_of(preview.pk, preview_limits()))


def testable(terms: Terms) -> tuple[PriceTerms, ...]:
    """The prices that are paid with money worth nothing."""
    return tuple(price for price in terms.prices if NETWORKS[price.network].testnet)


def prices_of(preview: Preview) -> list[OpenOffer]:
    """What may be paid for it now."""
    return list(OpenOffer.objects.filter(listing_id=preview.pk, closed_at__gt=Now()))


def draft_hash(worksheet: Worksheet, site: Site) -> bytes:
    """The hash of exactly what the sheet says now."""
    return terms_of(worksheet, site).content_hash()


def is_current(preview: Preview, worksheet: Worksheet, site: Site) -> bool:
    """Whether a preview answers with what the sheet says now."""
    try:
        return draft_hash(worksheet, site) == bytes(preview.revision_hash)
    except ListingRefused:  # it is unfinished again
        return False


def of_worksheet(worksheet: Worksheet) -> Preview | None:
    """The preview of a sheet that its seller may call now."""
    found = alive().filter(listing_id=worksheet.listing_id, seller=worksheet.seller_id)
    return found.exclude(payers=[]).order_by("-created_at").first()


def calls_of(worksheet: Worksheet) -> list[TestCall]:
    """The last test calls of a sheet, newest first."""
    known = Preview.objects.filter(listing_id=worksheet.listing_id, seller=worksheet.seller_id)
    ids = list(known.exclude(payers=[]).order_by("-created_at").values_list("pk", flat=True)[:20])
    return _calls(ids)


def _calls(preview_ids: Iterable[UUID]) -> list[TestCall]:
    paid = Payment.objects.filter(listing_id__in=list(preview_ids)).order_by("-created_at", "-pk")
    found = list(paid.values_list("pk", "created_at", "revision_hash")[:CALLS_SHOWN_MAX])
    progress = Progress.objects.in_bulk([pk for pk, _, _ in found])
    return [
        TestCall(
            pk,
            at,
            bytes(revision_hash),
            words(State(Work(progress[pk].work), Money(progress[pk].money))),
            is_paid=progress[pk].work == Work.ANSWERED
            and progress[pk].money in (Money.SETTLED, Money.CONFIRMED),
            is_final=progress[pk].money in (Money.CONFIRMED, Money.FAILED),
        )
        for pk, at, revision_hash in found
        if pk in progress
    ]


def _refuse_suspended(worksheet: Worksheet) -> None:
    stopped = Listing.objects.filter(pk=worksheet.listing_id, seller=worksheet.seller_id)
    if stopped.filter(state__in=(Listing.State.SUSPENDED, Listing.State.RETIRED)).exists():
        raise bad("preview", "the listing was stopped for good or by the marketplace")


def _refuse_many(seller: Seller, limits: PreviewLimits) -> None:
    lately = Preview.objects.filter(seller=seller, created_at__gt=Now() - timedelta(hours=1))
    if lately.exclude(payers=[]).count() >= limits.hour_max:
        raise bad("preview", "that is enough test addresses for an hour; try again later")
