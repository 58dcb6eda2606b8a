"""Who sells here, and where their listings are found."""

from __future__ import annotations

import re

from sellers.models import SLUG, SLUG_CHARACTERS_MAX, Listing, Seller
from sellers.refusals import ListingRefused, Why, bad
from sellers.texts import clean

NAME_CHARACTERS_MAX = 80
_SLUG = re.compile(SLUG)


def open_seller(slug: str, name: str = "") -> Seller:
    """The seller of this slug, who is written down when they are new."""
    refuse_odd_slug(slug)
    seller, _ = Seller.objects.get_or_create(
        slug=slug, defaults={"name": clean(name, NAME_CHARACTERS_MAX) or slug}
    )
    return seller


def find(path: str) -> Listing:
    """The listing at `seller/slug`."""
    seller, _, slug = path.partition("/")
    listing = (
        Listing.objects.select_related("seller", "live_revision", "proposed_revision")
        .filter(seller__slug=seller, slug=slug)
        .first()
    )
    if listing is None:
        raise ListingRefused(Why.NO_SUCH_LISTING, f"no listing {path}")
    return listing


def refuse_odd_slug(slug: str) -> None:
    """Refuse what cannot be a part of an address for good."""
    if not _SLUG.fullmatch(slug) or len(slug) > SLUG_CHARACTERS_MAX:
        raise bad(
            "slug",
            f"1 to {SLUG_CHARACTERS_MAX} of a-z and 0-9, with single hyphens between them",
        )
