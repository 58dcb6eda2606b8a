"""Where a listing is told of besides, and each place answers as its name says."""

from __future__ import annotations

from functools import cache
from typing import Final

from django.conf import settings
from django.urls import Resolver404, resolve

from marketplace.catalog.documents.market import MCP_PATH, skill_url
from payments.x402 import v1
from sellers.market.goods import Good

_DOORS: Final = ("sample", "skill", "v1", "mcp")  # answered beside Django
_PATHS: Final = {
    "catalog": "/api/catalog/a/b",
    "page": "/l/a/b",
    "sellerPage": "/s/a",
    "openapi": "/s/a/openapi.json",
    "discovery": "/discovery/resources",
}


def links(good: Good) -> dict[str, str]:
    """Where else this listing is told of; only addresses that answer."""
    base = settings.PUBLIC_BASE_URL
    found = {
        "catalog": f"{base}/api/catalog/{good.path}",
        "sample": f"{good.url}?demo=true",
        "skill": skill_url(good, base),
        "page": f"{base}/l/{good.path}",
        "sellerPage": f"{base}/s/{good.seller_slug}",
        "openapi": f"{base}/s/{good.seller_slug}/openapi.json",
        "discovery": f"{base}/discovery/resources?urlSubstring=/call/{good.path}",
        "mcp": f"{base}{MCP_PATH}",
    }
    if v1.payable(offer.requirements for offer in good.offers):
        found["v1"] = v1.url_of(good.url)
    return {name: url for name, url in found.items() if name in _answered() or name in _DOORS}


@cache
def _answered() -> frozenset[str]:
    """The links that lead somewhere on this site."""
    return frozenset(name for name, path in _PATHS.items() if _is_there(path))


def _is_there(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
