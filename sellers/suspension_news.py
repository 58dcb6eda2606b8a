"""A suspension, told to its seller: on their pages at once, by letter when it cannot be undone."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from sellers.models import Listing
from sellers.notices import notify, take_back
from sellers.site import review_rules


def tell_suspended(listing: Listing) -> None:
    """In the transaction that suspends it; a moderator has some seconds to think again."""
    notify(
        listing.seller_id,
        f"{listing.path} was suspended",
        f"The marketplace stopped selling it. The reason: {listing.reason}",
        _page_of(listing),
        mail_at=timezone.now() + timedelta(seconds=review_rules().undo_seconds),
    )


def take_suspended_back(listing: Listing) -> None:
    """It was a mistake, and no letter says otherwise yet."""
    take_back(listing.seller_id, _page_of(listing))


def _page_of(listing: Listing) -> str:
    return reverse("sell-listing", args=[listing.pk])
