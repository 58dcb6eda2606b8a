"""What is said where nothing can be bought, for good or for now: the same by every transport."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from marketplace.calls.outcomes import Refused, Unavailable
from marketplace.calls.shelf import Absent

CLOSED_SECONDS: Final = 60  # a pause or a suspension: nobody knows, and asking is cheap

UNKNOWN: Final = Refused(
    404,
    "not_found",
    f"There is no such listing here. Search at {settings.PUBLIC_BASE_URL}/api/catalog",
)
CLOSED: Final = Unavailable(
    "listing_closed",
    "This listing is not for sale at the moment; nothing was charged.",
    CLOSED_SECONDS,
)


def absent(why: Absent) -> Refused | Unavailable:
    """Why this path has nothing on the shelf."""
    return CLOSED if why is Absent.CLOSED else UNKNOWN


def undeliverable(seconds: float) -> Unavailable:
    """Do not sell what cannot be delivered right now."""
    return Unavailable(
        "listing_unavailable",
        "This listing cannot be delivered at the moment; nothing was charged.",
        max(1, round(seconds)),
    )
