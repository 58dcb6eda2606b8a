"""`/.well-known/x402`, `/.well-known/x402.json`, ai-catalog and agents.json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marketplace.catalog.documents.bazaar import accepts, bazaar
from marketplace.catalog.documents.market import Market, Part, about, newest, without_blanks
from marketplace.catalog.documents.openapi import GUIDANCE
from marketplace.catalog.documents.ours import CHECK_ID, SEARCH_ID
from payments.x402.types import X402_VERSION
from sellers.market.goods import Good


def strings(part: Part, market: Market) -> dict[str, Any]:
    """The dialect whose `resources` are addresses (x402scan), at /.well-known/x402."""
    addresses = [good.url for good in part.goods]
    return {"version": 1, "resources": addresses, **_head(part.goods, market, part.note(market))}


def objects(part: Part, market: Market) -> dict[str, Any]:
    """The draft whose `items` are whole, at /.well-known/x402.json."""
    head = _head(part.goods, market, part.note(market))
    return {**head, "lastUpdated": newest(part.goods), "items": items(part.goods, market)}


def of_seller(slug: str, goods: tuple[Good, ...], market: Market) -> dict[str, Any]:
    """The same for one seller, whole."""
    head = _head(goods, market, f"Everything that {slug} sells on {market.name}.")
    return {
        **head,
        "version": 1,
        "name": f"{slug} on {market.name}",
        "resources": [good.url for good in goods],
        "lastUpdated": newest(goods),
        "items": items(goods, market),
    }


def items(goods: Iterable[Good], market: Market) -> list[dict[str, Any]]:
    """Listings as whole objects; the draft forbids partial ones."""
    return [_item(good, market) for good in goods]


def ai_catalog(market: Market) -> dict[str, Any]:
    """`/.well-known/ai-catalog.json`: which machine-readable ways in there are."""
    entries = [
        {
            "identifier": f"urn:air:{market.host}:api:catalog",
            "type": "application/vnd.oai.openapi+json",
            "url": market.at("/openapi.json"),
        }
    ]
    if market.mcp_path:
        entries.insert(
            0,
            {
                "identifier": f"urn:air:{market.host}:mcp:catalog",
                "type": "application/mcp-server-card+json",
                "url": market.at(f"{market.mcp_path}/server-card"),
            },
        )
    return {"specVersion": "1.0", "entries": entries}


def agents(market: Market) -> dict[str, Any]:
    """`/.well-known/agents.json`: one flow over two free operations of ours."""
    return {
        "agentsJson": "0.1.0",
        "info": {"title": market.name, "version": "1", "description": about(market)},
        "sources": [{"id": "market", "path": market.at("/openapi.json")}],
        "overrides": [],
        "flows": [
            {
                "id": "find_and_check",
                "title": "Find a service and see what it costs",
                "description": "Search, then check the first result and read its price. Calling it"
                " is an HTTP request to its address, paid with x402.",
                "actions": [
                    {"id": "search", "sourceId": "market", "operationId": SEARCH_ID},
                    {"id": "check", "sourceId": "market", "operationId": CHECK_ID},
                ],
                "links": [
                    {
                        "origin": {
                            "actionId": "search",
                            "fieldPath": "responses.success.resources[0].resource",
                        },
                        "target": {"actionId": "check", "fieldPath": "requestBody.resource"},
                    }
                ],
                "fields": {
                    "parameters": [
                        {
                            "name": "query",
                            "description": "What is looked for",
                            "required": True,
                            "target": {"actionId": "search", "fieldPath": "parameters.query"},
                        }
                    ],
                    "responses": {"success": {"type": "object"}},
                },
            }
        ],
    }


def _head(goods: tuple[Good, ...], market: Market, note: str) -> dict[str, Any]:
    return without_blanks(
        {
            "instructions": f"{GUIDANCE} {note}",
            "x402Version": X402_VERSION,
            "kind": "resource-server",
            "name": market.name,
            "description": about(market),
            "docs": market.at("/docs/buy"),
            "contact": f"mailto:{market.contact}" if market.contact else "",
            "updated": newest(goods),
        }
    )


def _item(good: Good, market: Market) -> dict[str, Any]:
    terms = good.terms
    info = (bazaar(good) or {}).get("info", {})
    called = {name: value for name, value in info.get("input", {}).items() if name != "type"}
    answer = info.get("output", {})
    return {
        "resource": without_blanks(
            {
                "url": good.url,
                "description": terms.description,
                "mimeType": terms.mime_type,
                "serviceName": terms.service_name,
                "tags": list(terms.tags),
                "iconUrl": market.icon_url(terms.logo),
            }
        ),
        "type": "http",
        "accepts": accepts(good),
        "input": called,
        "output": {
            "mimeType": terms.mime_type,
            **({"example": answer["example"]} if "example" in answer else {}),
        },
        "requires": [],
    }
