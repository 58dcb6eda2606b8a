"""The Bazaar's shape: what x402 discovery clients list, search and validate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from marketplace.catalog.documents.market import Market, stamp, without_blanks
from payments.x402 import v1
from payments.x402.types import X402_VERSION
from sellers import offers
from sellers.extensions.bazaar import extension
from sellers.market.goods import Good

# What `extensions` of an item holds, for all of them.
EXTENSIONS: Final = frozenset({"bazaar", "payment-identifier", "refund"})
# What some quotes carry and others do not, as the moment has it: no item can promise it.
SOMETIMES: Final = frozenset({"offer-receipt"})


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was asked for, by number: from `offset` on, of `total`."""

    goods: Sequence[Good]
    limit: int
    offset: int
    total: int
    unapplied: Sequence[str] = ()  # filters that were asked and not applied

    @property
    def place(self) -> dict[str, int]:
        return {"limit": self.limit, "offset": self.offset, "total": self.total}


def item(good: Good, market: Market) -> dict[str, Any]:
    """One listing. What it costs is the very `accepts` of its 402."""
    terms = good.terms
    return without_blanks(
        {
            "resource": good.url,
            "description": terms.description,
            "type": "http",
            "x402Version": X402_VERSION,
            "lastUpdated": stamp(good.changed_at),
            "mimeType": terms.mime_type,
            "accepts": accepts(good),
            "extensions": extensions(good, market),
            "quality": _quality(good),
            "serviceName": terms.service_name,
            "tags": list(terms.tags),
            "iconUrl": market.icon_url(terms.logo),
            "skillUrl": market.skill_url(good),
            # What older readers look into, and what the Bazaar has no field for.
            "metadata": without_blanks(
                {
                    "description": terms.description,
                    "title": terms.title,
                    "seller": good.seller_name,
                    "category": good.category,
                    "sample": f"{good.url}?demo=true",
                    "v1": v1.url_of(good.url) if v1.payable(_asked(good)) else "",
                }
            ),
        }
    )


def accepts(good: Good) -> list[dict[str, object]]:
    """The ways to pay, the cheapest first: the same words as in the 402."""
    return [asked.to_wire() for asked in _asked(good)]


def extensions(good: Good, market: Market) -> dict[str, Any]:
    """What every 402 of the listing carries beside its prices, if it has room for all of it."""
    return without_blanks(
        {
            "bazaar": bazaar(good),
            "payment-identifier": offers.PAYMENT_IDENTIFIER,
            "refund": offers.refund(market.base_url, market.refund_days),
        }
    )


def bazaar(good: Good) -> dict[str, Any] | None:
    """How it is called and what it answers, with nothing shed: nobody has to echo this one."""
    return extension(good.terms, urlsplit(good.url).path, frozenset())


def resources(page: Page, market: Market) -> dict[str, Any]:
    """A page of the list."""
    return {
        "x402Version": X402_VERSION,
        "items": [item(good, market) for good in page.goods],
        "pagination": page.place,
        "unappliedFilters": list(page.unapplied),
    }


def found(
    goods: Iterable[Good],
    market: Market,
    *,
    limit: int,
    cursor: str,
    relaxed: bool,
    unapplied: Sequence[str],
) -> dict[str, Any]:
    """What a search found, and which of its filters were not applied."""
    return {
        "x402Version": X402_VERSION,
        "resources": [item(good, market) for good in goods],
        "partialResults": bool(cursor),
        "searchMethod": "text",
        "relaxed": relaxed,
        "pagination": {"limit": limit, "cursor": cursor or None},
        "unappliedFilters": list(unapplied),
    }


def of_merchant(page: Page, market: Market, pay_to: str) -> dict[str, Any]:
    """Everything that pays into one wallet."""
    return {
        "x402Version": X402_VERSION,
        "payTo": pay_to,
        "resources": [item(good, market) for good in page.goods],
        "pagination": page.place,
        "unappliedFilters": list(page.unapplied),
    }


def _asked(good: Good) -> list[Any]:
    return [offer.requirements for offer in good.offers]


def _quality(good: Good) -> dict[str, Any]:
    figures = good.quality
    called = stamp(figures.last_called_at) if figures.last_called_at else ""
    shown = {"lastCalledAt": called} if called else {}
    return {
        "l30DaysTotalCalls": figures.calls_30d,
        "l30DaysUniquePayers": figures.payers_30d,
        **shown,
    }
