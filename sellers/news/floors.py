"""A price outside what the operator takes now is not offered to anybody; its seller is told why."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from payments.amounts import grouped
from payments.models import OpenOffer
from payments.x402.networks import NETWORKS, address_bytes, checksum
from sellers.models import Listing, Notice
from sellers.notices import only_id, tell_once
from sellers.prices import in_dollars
from sellers.site import Accepted, Site


def tell_not_offered(site: Site) -> int:
    """Once for each revision, price and limit, on their pages and by letter; says how many."""
    return tell_too_cheap(site) + tell_too_dear(site)


def tell_too_cheap(site: Site) -> int:
    """Tell of what costs less than the operator takes now."""
    return tell_once(
        [
            _too_cheap(listing, offer, accepted)
            for accepted in site.accepted
            for listing, offer in _sold(
                accepted, Q(amount_atomic__lt=_atomic(accepted.price_floor, accepted))
            )
        ]
    )


def tell_too_dear(site: Site) -> int:
    """Tell of what costs more than the operator takes now."""
    return tell_once(
        [
            _too_dear(listing, offer, accepted, site)
            for accepted in site.accepted
            for listing, offer in _sold(
                accepted, Q(amount_atomic__gt=_atomic(site.price_max, accepted))
            )
        ]
    )


def _sold(accepted: Accepted, refused: Q) -> list[tuple[Listing, OpenOffer]]:
    asset = accepted.asset
    found = OpenOffer.objects.filter(
        refused,
        closed_at__isnull=True,
        network=asset.network,
        asset=checksum(address_bytes(asset.address)),
    )
    offers = {offer.listing_id: offer for offer in found}
    live = Listing.objects.select_related("seller").filter(state=Listing.State.LIVE)
    return [(listing, offers[listing.pk]) for listing in live.filter(pk__in=offers)]


def _too_cheap(listing: Listing, offer: OpenOffer, accepted: Accepted) -> Notice:
    name, least = NETWORKS[offer.network].name, f"{accepted.price_floor:f}"
    return _notice(
        listing,
        offer,
        f"floor {offer.pk} {least}",
        f"{listing.path} costs too little on {name}",
        f"Its price there is {_price(offer, accepted)} dollars. The least this marketplace takes"
        f" on {name} is {grouped(least)} now, because each payment costs gas, so nobody is"
        " offered that price any more. Change the price and submit it; other prices it has go on.",
    )


def _too_dear(listing: Listing, offer: OpenOffer, accepted: Accepted, site: Site) -> Notice:
    name, most = NETWORKS[offer.network].name, f"{site.price_max.normalize():f}"
    return _notice(
        listing,
        offer,
        f"ceiling {offer.pk} {most}",
        f"{listing.path} costs too much on {name}",
        f"Its price there is {_price(offer, accepted)} dollars. The most this marketplace takes"
        f" for a call is {grouped(most)} now, so nobody is offered that price any more. Change"
        " the price and submit it; other prices it has go on.",
    )


def _notice(listing: Listing, offer: OpenOffer, said: str, subject: str, text: str) -> Notice:
    return Notice(
        id=only_id(said, offer.opened_at),
        seller_id=listing.seller_id,
        subject=subject,
        text=text,
        href=reverse("sell-listing", args=[listing.slug]),
        mail_at=timezone.now(),
    )


def _price(offer: OpenOffer, accepted: Accepted) -> str:
    dollars = in_dollars(int(offer.amount_atomic), accepted.asset.decimals)
    return grouped(f"{dollars.normalize():f}")


def _atomic(dollars: Decimal, accepted: Accepted) -> Decimal:
    return dollars * Decimal(10) ** accepted.asset.decimals
