"""What of a seller goes when the account behind it is erased, and what stays.

Listings are retired, so that nothing new is sold. The terms of what was sold stay: receipts name
them by their hash. So do the seller's address, which is never given to anybody else, and the
payout wallets that stand in terms and payments. Everything else goes.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from payments.audit_log import SYSTEM
from payments.disputes.cases import erase_words
from payments.models import Side
from sellers import listings, notices, upstream_secrets
from sellers.domains import claims
from sellers.drafting import worksheets
from sellers.models import (
    ApiKey,
    Fetch,
    Health,
    Listing,
    Logo,
    Payout,
    Preview,
    Repeat,
    Seller,
    Verification,
)
from sellers.profile.profiles import Profile, write
from sellers.webhooks import webhooks

ERASED_NAME = "Erased seller"


@transaction.atomic
def pause_all(seller: Seller, *, by: str = SYSTEM) -> int:
    """Sell nothing more, as long as nobody resumes it; says how many listings that stops."""
    live = seller.listings.filter(state=Listing.State.LIVE).order_by("pk")
    # All of them are held before the first is stopped, so that nobody waits in a circle.
    ids = list(live.select_for_update(of=("self",)).values_list("pk", flat=True))
    return len([listings.pause(listing_id, by=by) for listing_id in ids])


def retire_all(seller: Seller) -> None:
    """End every listing for good."""
    going = seller.listings.exclude(state=Listing.State.RETIRED)
    for listing_id in going.values_list("pk", flat=True):
        listings.retire(listing_id, by=SYSTEM)


def erase_seller(seller: Seller) -> None:
    """Let go of everything but what was sold; safe to repeat after an interruption."""
    write(seller, Profile(ERASED_NAME))
    claims.give_up(seller, by=SYSTEM)
    erase_words(Q(seller_id=seller.pk), Side.SELLER)
    for sheet in seller.worksheets.all():
        worksheets.discard(sheet)
    for hook in webhooks.webhooks_of(seller):
        webhooks.remove(hook, by=SYSTEM)
    webhooks.forget_deliveries()
    upstream_secrets.forget(seller)
    notices.forget_all(seller.pk)
    for rows in (
        ApiKey.objects.filter(seller=seller),
        Payout.objects.filter(seller=seller),
        Preview.objects.filter(seller=seller),
        Fetch.objects.filter(seller=seller),
        Logo.objects.filter(seller=seller),
        Repeat.objects.filter(seller=seller),
        Health.objects.filter(listing__seller=seller),
        Verification.objects.filter(listing__seller=seller),
    ):
        rows.delete()
