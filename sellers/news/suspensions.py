"""A suspension and its end, told to the seller: on their pages at once, and by letter.

The letter of a suspension is written when it cannot be undone any more.
"""

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
        _subject(listing),
        f"The marketplace stopped selling it. The reason: {listing.reason}",
        _page_of(listing),
        mail_at=timezone.now() + timedelta(seconds=review_rules().undo_seconds),
    )


def take_suspended_back(listing: Listing) -> None:
    """It was a mistake, and no letter says otherwise yet."""
    take_back(listing.seller_id, _subject(listing), _page_of(listing))


def tell_restored(listing: Listing) -> None:
    """In the transaction that lifts it: nothing is sold until its seller does something."""
    then = (
        "It is paused: resume it on its page, and it sells again."
        if listing.live_revision
        else "It is a draft again: look it through and submit it for review."
    )
    notify(
        listing.seller_id,
        f"{listing.path} is suspended no more",
        f"The marketplace lifted the suspension. {then}",
        _page_of(listing),
        mail_at=timezone.now(),
    )


def _subject(listing: Listing) -> str:
    return f"{listing.path} was suspended"


def _page_of(listing: Listing) -> str:
    return reverse("sell-listing", args=[listing.slug])
