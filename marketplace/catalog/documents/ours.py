"""Our own free operations, as OpenAPI says them: search, list, check."""

from __future__ import annotations

from typing import Any, Final

from marketplace.catalog.documents.openapi_parts import (
    LIST,
    OBJECT,
    TEXT,
    TOO_OFTEN,
    as_json,
    in_path,
    operation,
    with_body,
)
from marketplace.catalog.queries import LIMIT_MAX, LIMIT_ORDINARY, SORTS
from sellers.categories import CATEGORIES
from sellers.models import Report
from sellers.models.reviews import REPORT_CHARACTERS_MAX
from sellers.terms import METHODS

SEARCH_ID: Final = "search_services"
CHECK_ID: Final = "check_service"
_LIMIT: Final[tuple[dict[str, Any], str]] = (
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
    f"how many, {LIMIT_ORDINARY} by default",
)
_FILTERS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "type": (TEXT, "http; nothing else is listed here"),
    "network": (TEXT, "such as eip155:8453"),
    "asset": (TEXT, "a token's address"),
    "scheme": (TEXT, "exact"),
    "payTo": (TEXT, "the wallet that is paid"),
    "extensions": (TEXT, "an extension of the 402, such as bazaar"),
}
_SEARCH: Final[dict[str, tuple[dict[str, Any], str]]] = {
    **_FILTERS,
    "urlSubstring": (TEXT, "a part of the address"),
    "maxUsdPrice": (TEXT, "the most a call may cost, in dollars, such as 0.05"),
    "tags": (TEXT, "tags, with commas between them"),
    "limit": _LIMIT,
    "cursor": (TEXT, "where the page before ended"),
}
_PAGES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "limit": _LIMIT,
    "offset": ({"type": "integer", "minimum": 0}, "how many to pass over"),
}
_CATALOG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "q": (TEXT, "words, as for a search engine"),
    "tag": (TEXT, "tags, with commas between them"),
    "category": ({"type": "string", "enum": list(CATEGORIES)}, "of what kind"),
    "network": (TEXT, "such as eip155:8453"),
    "asset": (TEXT, "a token's address"),
    "scheme": (TEXT, "exact"),
    "maxPrice": (TEXT, "the most a call may cost, in dollars, such as 0.05"),
    "payTo": (TEXT, "the wallet that is paid"),
    "method": ({"type": "string", "enum": list(METHODS)}, "the method of a call"),
    "seller": (TEXT, "the first part of a listing's path"),
    "urlSubstring": (TEXT, "a part of the address"),
    "verified": ({"type": "boolean"}, "true: seen to work within a day"),
    "minSuccess": (TEXT, "the least share of calls that succeeded in 7 days, such as 0.95"),
    "minCalls": (TEXT, "the least number of calls in 30 days"),
    "sort": ({"type": "string", "enum": list(SORTS)}, "the order; by relevance when not said"),
    "limit": _LIMIT,
    "cursor": (TEXT, "where the page before ended"),
}
_TRADE: Final = {
    "type": "object",
    "description": "What settled calls moved on chain; `definitions` says what counts",
    "properties": {
        "volume": {**LIST, "description": "By token: amount24h, amount7d and amount30d"},
        "latestPayments": {**LIST, "description": "The newest: at, amount, transaction"},
    },
    "required": ["volume", "latestPayments"],
}
_OLDEST: Final = {
    "type": "integer",
    "description": "0, or the number of the oldest change that is kept: begin with /api/catalog",
}
_CURSOR: Final = {
    "type": "object",
    "properties": {"limit": {"type": "integer"}, "cursor": {"type": ["string", "null"]}},
}
_WORDS: Final = {"type": "array", "items": TEXT}
_RELAXED: Final = {
    "type": "boolean",
    "description": "Nothing has all the words of the query; these have some of them",
}
_SEARCHED: Final = {"relaxed": _RELAXED, "unappliedFilters": _WORDS}
_OF_A_LISTING: Final = [in_path("seller"), in_path("listing")]
_BAD: Final = {"400": {"description": "It cannot be read; `error` says what to do"}}
_NOT_THERE: Final = {"404": {"description": "Nothing is for sale there"}}
_NOT_KEPT: Final = {
    "410": {"description": "Changes since then are not kept: begin with /api/catalog, then `next`"}
}
_OR_NONE: Final = {"type": ["string", "null"]}
_FOUND: Final = {**_BAD, **TOO_OFTEN}


def free_operations() -> dict[str, dict[str, Any]]:
    """What costs nothing and needs nobody to sign in, by path."""
    asked = {"name": "query", "in": "query", "required": True, "schema": TEXT}
    since = {"since": ({"type": "integer", "minimum": 0}, "the number where one stands")}
    return {
        "/api/catalog": {
            "get": _free(
                "search_catalog",
                "Search the whole catalog, with quality figures",
                _parameters(_CATALOG),
                {"items": LIST, "next": _OR_NONE, **_SEARCHED},
                _FOUND,
            )
        },
        "/api/catalog/{seller}/{listing}": {
            "get": _free(
                "read_listing",
                "Read everything about one listing",
                _OF_A_LISTING,
                {
                    "path": TEXT,
                    "url": TEXT,
                    "prices": LIST,
                    "inputSchema": OBJECT,
                    "quality": OBJECT,
                    "trade": _TRADE,
                },
                _NOT_THERE,
            )
        },
        "/api/catalog/{seller}/{listing}/reports": {"post": _report()},
        "/api/catalog/changes": {
            "get": _free(
                "list_changes",
                "List what changed in the catalog",
                _parameters(since),
                {"items": LIST, "next": {"type": "integer"}, "oldest": _OLDEST},
                {**_BAD, **_NOT_KEPT},
            )
        },
        "/discovery/search": {
            "get": _free(
                SEARCH_ID,
                "Search what is for sale",
                [asked, *_parameters(_SEARCH)],
                {"resources": LIST, "pagination": _CURSOR, **_SEARCHED},
                _FOUND,
            )
        },
        "/discovery/resources": {
            "get": _free(
                "list_services",
                "List what is for sale",
                _parameters({**_FILTERS, **_PAGES}),
                {"items": LIST, "pagination": OBJECT, "unappliedFilters": _WORDS},
                _FOUND,
            )
        },
        "/discovery/validate": {"post": _check()},
    }


def _report() -> dict[str, Any]:
    said = operation(
        "report_listing",
        "Report a listing whose answers are wrong, or that should not be here",
        _OF_A_LISTING,
        {
            "201": as_json("OK", {"id": TEXT, "open": {"type": "boolean"}}),
            **_BAD,
            "404": {"description": "Nothing was ever for sale there"},
            "415": {"description": "Send JSON, with Content-Type: application/json"},
            **TOO_OFTEN,
        },
    )
    about = {"type": "string", "enum": list(Report.About.values)}
    text = {"type": "string", "maxLength": REPORT_CHARACTERS_MAX}
    asked = {
        "type": "object",
        "properties": {"about": about, "text": text},
        "required": ["about", "text"],
    }
    return with_body(said, asked)


def _check() -> dict[str, Any]:
    said = _free(
        CHECK_ID,
        "Check a listing of this marketplace, and what it costs now",
        [],
        {"valid": {"type": "boolean"}, "preflight": LIST, "paymentRequirements": LIST},
        _BAD,
    )
    asked = {
        "type": "object",
        "properties": {"resource": {"type": "string", "format": "uri"}, "method": TEXT},
        "required": ["resource"],
    }
    return with_body(said, asked)


def _free(
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    answer: dict[str, Any],
    refusals: dict[str, Any],
) -> dict[str, Any]:
    return operation(name, summary, parameters, {"200": as_json("OK", answer), **refusals})


def _parameters(named: dict[str, tuple[dict[str, Any], str]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": about, "schema": schema}
        for name, (schema, about) in named.items()
    ]
