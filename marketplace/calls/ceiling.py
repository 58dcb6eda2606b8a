"""The most a buyer wants to pay for a call: `X-Max-Price: 0.02 USD`."""

from __future__ import annotations

import re
from decimal import Decimal

from payments.acceptance import Offer

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
