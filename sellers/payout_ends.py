"""What ends when nobody vouches for a wallet any more: its previews, and whatever pays into it."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from payments import audit_log
from payments.audit_log import SYSTEM
from payments.models import OpenOffer
from payments.x402.networks import read_address
from sellers.listings import pause
from sellers.models import Listing, Price, Seller
from sellers.news.payouts import tell_revoked
from sellers.on_sale.listing_states import State
from sellers.on_sale.preview_ends import close_with_wallet
from sellers.payouts.payouts import strike
from sellers.refusals import bad


@transaction.atomic
def revoke(pay_to: str, seller: Seller | None = None, *, by: str = SYSTEM) -> list[Listing]:
    """Pause everything that pays into this wallet, because nobody vouches for it any more.

    A seller's word counts for their own listings; without a seller it is the operator's, for all.
    """
    address = read_address(pay_to)
    if address is None:
        raise bad("wallet", "a wallet's address is 0x and 40 hexadecimal digits")
    vouching = Seller.objects.filter(payouts__address=address).distinct()
    struck = [each.pk for each in vouching if seller in (None, each) and strike(each, address)]
    close_with_wallet(address, seller)
    paying = Price.objects.filter(pay_to=address).values("revision")
    in_grace = OpenOffer.objects.filter(pay_to=address, closed_at__gt=Now()).values("listing_id")
    listings = Listing.objects.filter(
        Q(live_revision__in=paying) | Q(pk__in=in_grace), state=State.LIVE
    )
    if seller is not None:
        listings = listings.filter(seller=seller)
    # All of them in one order before the first is published, so that nobody waits in a circle.
    ids = list(listings.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    paused = [pause(each, by=by, why=f"{address} is paid no more") for each in ids]
    for seller_id in struck:
        audit_log.record(by, "payout.revoked", f"seller:{seller_id}", before={"wallet": address})
    tell_revoked(address, struck, paused)
    return paused
