"""Who sells here, and where their listings are found."""

from __future__ import annotations

import re

from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, transaction

from sellers.agreements import agree
from sellers.models import Listing, Seller
from sellers.models.listings import SLUG, SLUG_CHARACTERS_MAX
from sellers.refusals import ListingRefused, Why, bad
from sellers.site import terms_date
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


def open_seller_for(user: User, slug: str, name: str) -> Seller:
    """Let somebody who signed in sell here, under an address and a name of their choice."""
    refuse_odd_slug(slug)
    shown = clean(name, NAME_CHARACTERS_MAX)
    if not shown:
        raise bad("name", "a name that can be read: buyers see it beside every listing")
    known = seller_of(user)
    if known is not None:
        if known.slug == slug:
            return known
        raise ListingRefused(Why.SELLS_ALREADY, f"you sell here as {known.slug} already", "slug")
    try:
        with transaction.atomic():
            seller = Seller.objects.create(slug=slug, name=shown, owner=user)
            agree(seller, terms_date())  # the page that opens it says so
            return seller
    except IntegrityError:
        # Either another seller has the address, or a second click of the same person was quicker.
        if (twin := seller_of(user)) is not None and twin.slug == slug:
            return twin
        raise ListingRefused(Why.SLUG_TAKEN, f"{slug} is taken by another seller", "slug") from None


def seller_of(user: User | AnonymousUser) -> Seller | None:
    """The seller that somebody signed in sells as; None for visitors, buyers and moderators."""
    if not user.is_authenticated:
        return None
    return Seller.objects.filter(owner=user).first()


def give_to(slug: str, user: User) -> None:
    """Let somebody sign in for a seller that nobody owns; one that is owned stays whose it is."""
    Seller.objects.filter(slug=slug, owner=None).update(owner=user)


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
