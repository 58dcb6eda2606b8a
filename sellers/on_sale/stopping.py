"""How a listing stops, whoever stops it: its prices and previews end, and every reader is told."""

from __future__ import annotations

from collections.abc import Set

from sellers.models import Listing
from sellers.on_sale import audited, open_offers
from sellers.on_sale.listing_states import State, refuse_unless
from sellers.on_sale.preview_ends import close_of_listing
from sellers.on_sale.shelving import publish


def stop(
    listing: Listing, state: Listing.State, allowed: Set[Listing.State], by: str, why: str = ""
) -> Listing:
    """Put a listing into a state in which nothing of it is sold; doing it twice changes nothing."""
    if listing.state == state:
        return listing
    refuse_unless(listing, allowed)
    was = audited.facts(listing)
    listing.state = state
    if state == State.RETIRED:
        listing.proposed_revision, listing.submitted_at = None, None
    open_offers.close([listing.pk])
    close_of_listing(listing.pk)
    publish(listing, "state", "reason", "proposed_revision", "submitted_at")
    audited.note(by, f"listing.{state}", listing, was, why)
    return listing
