"""Whether what is sold stands where this site says what it sells: documents, and the MCP server."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from payments.amounts import token
from payments.egress import Reply
from payments.x402.types import X402_VERSION
from sellers.grading.checks import ADVISORY, REQUIRED, Check, judged
from sellers.grading.face import (
    ASKED,
    Face,
    document_of,
    json_of,
    path_of,
    quote_in,
    result_of,
    status_of,
)
from sellers.prices import in_dollars

_NO_SUCH, _FOUND = 404, 200
_BEST = (
    "The site's document holds the best 500 and is built anew each minute. It has to be served at"
    " the origin of the calls, too."
)


def listed(face: Face) -> Iterator[Check]:
    """Whether a listing that is live stands in what the site says of itself."""
    path = urlsplit(face.url).path
    openapi = document_of(face.openapi)
    paths = openapi.get("paths", {}) if isinstance(openapi, dict) else {}
    operations = [
        operation
        for name, item in paths.items()
        if name == path or name.startswith(f"{path}/")
        for operation in item.values()
        if isinstance(operation, dict) and "x-payment-info" in operation
    ]
    yield judged(
        "openapi-listed", bool(operations), ADVISORY, "/openapi.json beside it lists it",
        "listed", _where(face.openapi, bool(operations)), _BEST,
    )  # fmt: skip
    if operations:
        yield _advertised(face, operations[0])
    well_known = document_of(face.well_known)
    named = well_known.get("resources", []) if isinstance(well_known, dict) else []
    yield judged(
        "well-known-listed", face.url in named, ADVISORY, "/.well-known/x402 lists it", "listed",
        _where(face.well_known, face.url in named), _BEST,
    )  # fmt: skip
    yield from _over_mcp(face)


def _over_mcp(face: Face) -> Iterator[Check]:
    """The same listing, found and priced by the other door."""
    count = len(_tools(face.tools))
    yield judged(
        "mcp-server", count > 0, ADVISORY, "the MCP server lists its tools, free",
        "1 tool or more", f"{count} tools" if count else _where(face.tools, False),
    )  # fmt: skip
    path = urlsplit(face.url).path.removeprefix("/call/")
    own = [tool for tool in _tools(face.sellers_tools) if path_of(tool) == path]
    priced = bool(own) and "$" in str(own[0].get("description")) and bool(_meta(own[0])["examples"])
    yield judged(
        "mcp-paid-tools", priced, ADVISORY,
        "its tool's description names the price, and an example call", "a price and an example",
        "both" if priced else "not both" if own else "its seller's tools do not hold it",
    )  # fmt: skip
    result = result_of(face.tool_call)
    said = result.get("structuredContent") or {}
    asks = result.get("isError") is True and said.get("x402Version") == X402_VERSION
    yield judged(
        "mcp-payment-required", asks, ADVISORY, "an unpaid tool call is answered with the price",
        "isError and x402 version 2", "both" if asks else _where(face.tool_call, False),
    )  # fmt: skip
    same = said.get("accepts") == _decoded_quote(face).get("accepts") and bool(said.get("accepts"))
    yield judged(
        "mcp-payment-structured", same, ADVISORY, "structuredContent quotes what the 402 quotes",
        "equal", "equal" if same else "they differ",
    )  # fmt: skip
    content = result.get("content") or [{}]
    text = str(content[0].get("text", ""))
    yield judged(
        "mcp-payment-text", bool(said) and json_of(text) == said, ADVISORY,
        "the same stands in the text of the answer", "equal",
        "equal" if said and json_of(text) == said else "they differ",
    )  # fmt: skip


def _tools(reply: ASKED | None) -> list[dict[str, Any]]:
    return list(result_of(reply).get("tools") or [])


def _meta(tool: dict[str, Any]) -> dict[str, Any]:
    return {"examples": [], **(tool.get("_meta") or {})}


def _decoded_quote(face: Face) -> dict[str, Any]:
    assert isinstance(face.bare, Reply)
    return quote_in(face.bare.headers.get("PAYMENT-REQUIRED", ""))


def _advertised(face: Face, operation: dict[str, Any]) -> Check:
    """The quote must not be dearer than what /openapi.json advertises."""
    price = (operation["x-payment-info"] or {}).get("price") or {}
    said = [str(price[name]) for name in ("amount", "max") if name in price]
    quoted = _dollars(_decoded_quote(face))
    fits = quoted is None or not said or quoted <= Decimal(said[0])
    return judged(
        "price_above_advertised", fits, REQUIRED, "the quote is no dearer than /openapi.json says",
        said[0] if said else "a price", str(quoted),
    )  # fmt: skip


def _dollars(document: dict[str, Any]) -> Decimal | None:
    """What the cheapest way to pay costs, as far as it is one we know."""
    amounts = [
        in_dollars(int(accept["amount"]), known.decimals)
        for accept in document.get("accepts") or []
        if str(accept.get("amount")).isdecimal()
        and (known := token(str(accept.get("network")), str(accept.get("asset"))))
    ]
    return min(amounts, default=None)


def _where(reply: ASKED | None, is_there: bool) -> str:
    if is_there:
        return "listed"
    if isinstance(reply, Reply) and reply.status == 404:
        return "this site has no such document"
    return "not listed" if isinstance(reply, Reply) and reply.status == _FOUND else status_of(reply)
