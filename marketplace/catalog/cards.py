"""A good as a list shows it: what it is, what it costs, how it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from marketplace.catalog.standing import Standing, standing
from payments.acceptance.promise import Offer
from payments.amounts import Amount
from sellers.market.goods import Good


@dataclass(frozen=True, slots=True)
class Card:
    """One good in a list."""

    good: Good
    price: Amount  # the cheapest
    more_prices: int
    standing: Standing
    href: str
    seller_href: str


def cards(goods: Iterable[Good]) -> list[Card]:
    """Goods ready to be listed, in their order."""
    now = timezone.now()
    return [card(good, now) for good in goods]


def card(good: Good, now: datetime) -> Card:
    """One good, ready to be listed."""
    return Card(
        good=good,
        price=price_of(good.offers[0]),
        more_prices=len(good.offers) - 1,
        standing=standing(good.quality, now),
        href=listing_address(good.path),
        seller_href=reverse("seller", args=[good.seller_slug]),
    )


def price_of(offer: Offer) -> Amount:
    """What an offer costs, as pages show it."""
    wanted = offer.requirements
    return Amount.of(wanted.network, wanted.asset, wanted.amount_atomic)


def listing_address(path: str) -> str:
    """Where a listing's page is."""
    return reverse("listing", args=path.split("/"))
