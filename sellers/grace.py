"""How long an older price stays good, once a new one is approved."""

from __future__ import annotations

from sellers.drafts import offer_seconds
from sellers.models import Listing
from sellers.site import Site
from sellers.terms import Terms


def grace_of(listing: Listing, site: Site) -> int:
    """For how many seconds who was quoted what is sold now can still pay it."""
    live = listing.live_revision
    if live is None:
        return site.price_grace_seconds
    return grace_seconds(Terms.from_json(live.terms), site)


def grace_seconds(terms: Terms, site: Site) -> int:
    """As long as the operator says, and never shorter than what was signed for it may last."""
    known = (site.accepts(price.network, price.asset) for price in terms.prices)
    lasting = [offer_seconds(terms.total_seconds, each, site) for each in known if each]
    return max([site.price_grace_seconds, *lasting])
