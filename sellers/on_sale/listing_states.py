"""The states a listing can be in, and how one is taken in hand before anything of it changes.

Only `sellers.listings`, `sellers.reviews.judging` and `sellers.on_sale.stopping` write a state.
What may be claimed (`sellers.on_sale.open_offers`) opens and closes in the same transaction, and
so does the shelf's version, which is raised last because every publisher waits for that row
(`sellers.on_sale.shelving`). Who did it (`by`) goes into the audit log, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Set
from uuid import UUID

from sellers.models import Listing
from sellers.refusals import ListingRefused, Why

State = Listing.State
NOT_RETIRED = frozenset(State) - {State.RETIRED}


def hold(listing_id: UUID) -> Listing:
    """The listing as it is now, and nobody else changing it before this transaction ends.

    Held first, then read: what a statement that waited has joined may be older than what it holds.
    """
    held = Listing.objects.select_for_update().filter(pk=listing_id).values_list("pk").first()
    if held is None:
        raise ListingRefused(Why.NO_SUCH_LISTING, "no such listing")
    listings = Listing.objects.select_related("seller", "live_revision", "proposed_revision")
    return listings.get(pk=listing_id)


def refuse_unless(listing: Listing, allowed: Set[Listing.State]) -> None:
    """Refuse an act that a listing in this state does not allow."""
    if listing.state not in allowed:
        raise ListingRefused(
            Why.WRONG_STATE, f"{listing.path} is {listing.state.replace('_', ' ')}"
        )
