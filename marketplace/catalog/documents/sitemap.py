"""The sitemap: an index, and its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape

from marketplace.catalog.documents.market import Market, Part, newest, stamp

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
PAGES: Final = ("/", "/market", "/docs/buy", "/docs/sell", "/docs/webhooks")


def index(part: Part, market: Market) -> str:
    """`/sitemap.xml`."""
    changed = newest(part.goods) if part.goods else ""
    parts = (("/sitemap-pages.xml", ""), ("/sitemap-listings.xml", changed))
    rows = "".join(f"<sitemap>{_place(market.at(path), at)}</sitemap>" for path, at in parts)
    return f'{_HEAD}<sitemapindex xmlns="{_NAMESPACE}">{rows}</sitemapindex>\n'


def pages(market: Market) -> str:
    """`/sitemap-pages.xml`: the pages that are there for good."""
    return _set((market.at(path), "") for path in PAGES)


def listings(part: Part, market: Market) -> str:
    """`/sitemap-listings.xml`: the pages of listings and of who sells them."""
    return _set(_for_sale(part, market))


def _for_sale(part: Part, market: Market) -> Iterator[tuple[str, str]]:
    for good in part.goods:
        yield market.at(f"/l/{good.path}"), stamp(good.changed_at)
    for slug in sorted({good.seller_slug for good in part.goods}):
        yield market.at(f"/s/{slug}"), ""


def _set(places: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<url>{_place(address, changed)}</url>" for address, changed in places)
    return f'{_HEAD}<urlset xmlns="{_NAMESPACE}">{rows}</urlset>\n'


def _place(address: str, changed: str) -> str:
    moment = f"<lastmod>{changed}</lastmod>" if changed else ""
    return f"<loc>{escape(address)}</loc>{moment}"
