"""The most a buyer wants to pay for a call: `X-Max-Price: 0.02 USD`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from payments.acceptance.promise import Offer

_PRICE = re.compile(r"\$?\s*([0-9]{1,12}(?:\.[0-9]{1,18})?)\s*(?:USD|USDC)?", re.IGNORECASE)


class BadCeiling(ValueError):
    """The header is not a price."""


def ceiling_dollars(header: str) -> Decimal:
    match = _PRICE.fullmatch(header.strip())
    if match is None:
        raise BadCeiling("X-Max-Price must be dollars, such as 0.02 USD")
    return Decimal(match[1])


def price_dollars(offer: Offer) -> Decimal:
    return Decimal(offer.requirements.amount_atomic).scaleb(-offer.decimals)


def is_too_dear(offers: Iterable[Offer], header: str | None) -> bool:
    """Whether every price is above what the buyer wants to pay."""
    if header is None:
        return False
    try:
        ceiling = ceiling_dollars(header)
    except BadCeiling:
        return False  # said once a payment is attached; until then the quote comes first
    return all(price_dollars(offer) > ceiling for offer in offers)
