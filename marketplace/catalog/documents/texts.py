"""What language models read: llms.txt short and full, of the site and of one seller.

Outside fences there is nothing that a seller wrote, but for the letters of an address.
"""

from __future__ import annotations

from collections.abc import Iterable

from marketplace.catalog.documents.market import Market, Part, about
from sellers.market import leaflets
from sellers.market.goods import Good

NOTED_MAX = 50


def llms(part: Part, market: Market) -> str:
    """`/llms.txt`: what this is, how to find, how to pay, where the rest is."""
    lines = [
        f"# {market.name}",
        "",
        f"> {about(market)}",
        "",
        "Free: searching, reading the catalog, a sample of every listing, checking a receipt.",
        "Paid: calls of listings, each for its price in a stablecoin.",
        leaflets.FAILURES,
        *_categories(part.goods),
        "",
        leaflets.WARNING,
        "",
        "## How to pay",
        "",
        *(f"{number}. {step}" for number, step in enumerate(leaflets.HOW_TO_PAY, 1)),
        "",
        f"{leaflets.STOCK_CLIENTS} Of a dearer listing, its text says how.",
        "",
        "Clients that speak x402 version 1 only add `?x402Version=1` to a listing's address.",
        "",
        "## Find a service",
        "",
        f"- [Search]({market.at('/api/catalog?q=weather')}): JSON with filters and quality figures",
        f"- [What changed]({market.at('/api/catalog/changes')}): since a number, in order",
        f"- [Search]({market.at('/discovery/search?query=weather')}): the Bazaar's shape",
        f"- [List]({market.at('/discovery/resources')}): the same, page by page",
        f"- [OpenAPI]({market.at('/openapi.json')}): 3.1 with prices",
        f"- [Addresses alone]({market.at('/.well-known/x402')}): every listing's URL",
        f"- [Every listing as text]({market.at('/llms-full.txt')}): price, address, input",
        *([f"- [MCP]({market.at(market.mcp_path)}): streamable HTTP"] if market.mcp_path else []),
        "",
        "## Services",
        "",
        *(_line(good, market) for good in part.goods[:NOTED_MAX]),
        "",
        f"{part.note(market)}",
        "",
        "## Optional",
        "",
        f"- [Buying]({market.at('/docs/buy')}): statuses, retries, receipts, examples of code",
        f"- [Selling]({market.at('/docs/sell')}): put an HTTP endpoint on sale",
        f"- [The key that signs receipts]({market.at('/.well-known/did.json')})",
        *([f"- [Contact](mailto:{market.contact})"] if market.contact else []),
    ]
    return "\n".join(lines) + "\n"


def llms_full(part: Part, market: Market) -> str:
    """`/llms-full.txt`: the listings with price, method, address and input."""
    return _whole(market.name, about(market), part.note(market), part.goods)


def of_seller(slug: str, goods: tuple[Good, ...], market: Market) -> str:
    """`/s/<seller>/llms.txt`: everything that one seller sells."""
    said = f"Paid HTTP calls of the seller {slug} on {market.name} ({market.base_url})."
    return _whole(f"{slug} on {market.name}", said, f"{len(goods)} listings.", goods)


def robots(market: Market) -> str:
    """`/robots.txt`: everything public may be read; what is somebody's own is no use to anybody."""
    lines = [
        f"# {market.name}. Programs that look for services: {market.at('/llms.txt')}",
        "User-agent: *",
        *(
            f"Disallow: {path}"
            for path in ("/account/", "/admin/", "/buy/", "/moderation/", "/p/", "/sell/")
        ),
        "Disallow: /events",
        "Allow: /",
        "",
        f"Sitemap: {market.at('/sitemap.xml')}",
    ]
    return "\n".join(lines) + "\n"


def _whole(title: str, said: str, note: str, goods: Iterable[Good]) -> str:
    lines = [f"# {title}", "", f"> {said}", "", leaflets.WARNING, "", note, "", "## How to pay", ""]
    lines += [f"{number}. {step}" for number, step in enumerate(leaflets.HOW_TO_PAY, 1)]
    lines += ["", "## Services", ""]
    for good in goods:
        lines += leaflets.entry(good.path, good.terms, good.offers, good.url)
    return "\n".join(lines).rstrip("\n") + "\n"


def _line(good: Good, market: Market) -> str:
    price = leaflets.cheapest(good.offers)
    return f"- [{good.path}]({market.skill_url(good)}): {good.terms.method}, {price}"


def _categories(goods: Iterable[Good]) -> list[str]:
    words = sorted({good.category for good in goods if good.category})
    return [f"Categories: {', '.join(words)}."] if words else []
