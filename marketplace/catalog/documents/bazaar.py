"""The Bazaar's shape: what x402 discovery clients list, search and validate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from marketplace.catalog.documents.market import Market, stamp, without_blanks
from payments.x402 import v1
from payments.x402.types import X402_VERSION
from sellers.bazaar import extension
from sellers.goods import Good


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
            "mimeType": terms.mime_type or "application/octet-stream",
            "accepts": accepts(good),
            "extensions": {"bazaar": bazaar(good)},
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


def bazaar(good: Good) -> dict[str, Any] | None:
    """How it is called and what it answers, with nothing shed: nobody has to echo this one."""
    return extension(good.terms, urlsplit(good.url).path, frozenset())


def resources(
    goods: Iterable[Good], market: Market, *, limit: int, offset: int, total: int
) -> dict[str, Any]:
    """A page of the list."""
    return {
        "x402Version": X402_VERSION,
        "items": [item(good, market) for good in goods],
        "pagination": {"limit": limit, "offset": offset, "total": total},
    }


def found(
    goods: Iterable[Good], market: Market, *, limit: int, cursor: str, unapplied: Sequence[str]
) -> dict[str, Any]:
    """What a search found, and which of its filters were not applied."""
    return {
        "x402Version": X402_VERSION,
        "resources": [item(good, market) for good in goods],
        "partialResults": bool(cursor),
        "searchMethod": "text",
        "pagination": {"limit": limit, "cursor": cursor or None},
        "unappliedFilters": list(unapplied),
    }


def of_merchant(
    goods: Iterable[Good], market: Market, pay_to: str, *, limit: int, offset: int, total: int
) -> dict[str, Any]:
    """Everything that pays into one wallet."""
    return {
        "x402Version": X402_VERSION,
        "payTo": pay_to,
        "resources": [item(good, market) for good in goods],
        "pagination": {"limit": limit, "offset": offset, "total": total},
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
