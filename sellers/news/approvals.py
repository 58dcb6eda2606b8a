"""An approval, told to the seller, by letter too: what is sold now, or what is left to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.urls import reverse
from django.utils import timezone

from sellers.models import Listing
from sellers.notices import notify

_THEN: Final[Mapping[str, str]] = {
    Listing.State.LIVE: "It is sold on these terms now.",
    Listing.State.PAUSED: "It is paused: resume it, and it sells on these terms.",
    Listing.State.SUSPENDED: "It is suspended: nothing of it is sold until that is lifted.",
}


def tell_approved(listing: Listing) -> None:
    """In the transaction that approves it."""
    page = reverse("sell-listing", args=[listing.slug])
    notify(
        listing.seller_id,
        f"Approved: {listing.path}",
        _THEN[listing.state],
        page,
        mail_at=timezone.now(),
    )
