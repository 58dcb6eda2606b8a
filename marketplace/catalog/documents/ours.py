"""Our own free operations, as OpenAPI says them: search, list, check."""

from __future__ import annotations

from typing import Any, Final

from marketplace.catalog.queries import SORTS
from sellers.categories import CATEGORIES
from sellers.models import Report
from sellers.terms import METHODS

SEARCH_ID: Final = "search_services"
CHECK_ID: Final = "check_service"
_TEXT: Final = {"type": "string"}
_FILTERS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "type": (_TEXT, "http; nothing else is listed here"),
    "network": (_TEXT, "such as eip155:8453"),
    "asset": (_TEXT, "a token's address"),
    "scheme": (_TEXT, "exact"),
    "payTo": (_TEXT, "the wallet that is paid"),
    "extensions": (_TEXT, "an extension of the 402, such as bazaar"),
}
_SEARCH: Final[dict[str, tuple[dict[str, Any], str]]] = {
    **_FILTERS,
    "urlSubstring": (_TEXT, "a part of the address"),
    "maxUsdPrice": (_TEXT, "the most a call may cost, in dollars, such as 0.05"),
    "tags": (_TEXT, "tags, with commas between them"),
    "limit": ({"type": "integer", "minimum": 1, "maximum": 100}, "how many, 20 by default"),
    "cursor": (_TEXT, "where the page before ended"),
}
_PAGES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 100}, "how many, 20 by default"),
    "offset": ({"type": "integer", "minimum": 0}, "how many to pass over"),
}
_CATALOG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "q": (_TEXT, "words, as for a search engine"),
    "tag": (_TEXT, "tags, with commas between them"),
    "category": ({"type": "string", "enum": list(CATEGORIES)}, "of what kind"),
    "network": (_TEXT, "such as eip155:8453"),
    "asset": (_TEXT, "a token's address"),
    "scheme": (_TEXT, "exact"),
    "maxPrice": (_TEXT, "the most a call may cost, in dollars, such as 0.05"),
    "payTo": (_TEXT, "the wallet that is paid"),
    "method": ({"type": "string", "enum": list(METHODS)}, "the method of a call"),
    "seller": (_TEXT, "the first part of a listing's path"),
    "urlSubstring": (_TEXT, "a part of the address"),
    "verified": ({"type": "boolean"}, "true: seen to work within a day"),
    "minSuccess": (_TEXT, "the least share of calls that succeeded in 7 days, such as 0.95"),
    "minCalls": (_TEXT, "the least number of calls in 30 days"),
    "sort": ({"type": "string", "enum": list(SORTS)}, "the order; by relevance when not said"),
    "limit": ({"type": "integer", "minimum": 1, "maximum": 100}, "how many, 20 by default"),
    "cursor": (_TEXT, "where the page before ended"),
}
_OLDEST: Final = {
    "type": "integer",
    "description": "0, or the number of the oldest change that is kept: begin with /api/catalog",
}
_CURSOR: Final = {
    "type": "object",
    "properties": {"limit": {"type": "integer"}, "cursor": {"type": ["string", "null"]}},
}
_LIST: Final = {"type": "array", "items": {"type": "object"}}
_WORDS: Final = {"type": "array", "items": _TEXT}
_RELAXED: Final = {
    "type": "boolean",
    "description": "Nothing has all the words of the query; these have some of them",
}
_SEARCHED: Final = {"relaxed": _RELAXED, "unappliedFilters": _WORDS}
_OF_A_LISTING: Final = [
    {"name": name, "in": "path", "required": True, "schema": _TEXT}
    for name in ("seller", "listing")
]
_BAD: Final = {"400": {"description": "It cannot be read; `error` says what to do"}}
_NOT_THERE: Final = {"404": {"description": "Nothing is for sale there"}}
_TOO_OFTEN: Final = {"429": {"description": "Too often; Retry-After says how long to wait"}}
_NOT_KEPT: Final = {
    "410": {"description": "Changes since then are not kept: begin with /api/catalog, then `next`"}
}
_OR_NONE: Final = {"type": ["string", "null"]}
_FOUND: Final = {**_BAD, **_TOO_OFTEN}


def free_operations() -> dict[str, dict[str, Any]]:
    """What costs nothing and needs nobody to sign in, by path."""
    asked = {"name": "query", "in": "query", "required": True, "schema": _TEXT}
    since = {"since": ({"type": "integer", "minimum": 0}, "the number where one stands")}
    return {
        "/api/catalog": {
            "get": _free(
                "search_catalog",
                "Search the whole catalog, with quality figures",
                _parameters(_CATALOG),
                {"items": _LIST, "next": _OR_NONE, **_SEARCHED},
                _FOUND,
            )
        },
        "/api/catalog/{seller}/{listing}": {
            "get": _free(
                "read_listing",
                "Read everything about one listing",
                _OF_A_LISTING,
                {"path": _TEXT, "url": _TEXT, "prices": _LIST, "inputSchema": {"type": "object"}},
                _NOT_THERE,
            )
        },
        "/api/catalog/{seller}/{listing}/reports": {"post": _report()},
        "/api/catalog/changes": {
            "get": _free(
                "list_changes",
                "List what changed in the catalog",
                _parameters(since),
                {"items": _LIST, "next": {"type": "integer"}, "oldest": _OLDEST},
                {**_BAD, **_NOT_KEPT},
            )
        },
        "/discovery/search": {
            "get": _free(
                SEARCH_ID,
                "Search what is for sale",
                [asked, *_parameters(_SEARCH)],
                {"resources": _LIST, "pagination": _CURSOR, **_SEARCHED},
                _FOUND,
            )
        },
        "/discovery/resources": {
            "get": _free(
                "list_services",
                "List what is for sale",
                _parameters({**_FILTERS, **_PAGES}),
                {"items": _LIST, "pagination": {"type": "object"}, "unappliedFilters": _WORDS},
                _FOUND,
            )
        },
        "/discovery/validate": {"post": _check()},
    }


def _report() -> dict[str, Any]:
    operation = _free(
        "report_listing",
        "Report a listing whose answers are wrong, or that should not be here",
        _OF_A_LISTING,
        {"id": _TEXT, "open": {"type": "boolean"}},
        {
            **_BAD,
            "404": {"description": "Nothing was ever for sale there"},
            "415": {"description": "Send JSON, with Content-Type: application/json"},
            **_TOO_OFTEN,
        },
    )
    about = {"type": "string", "enum": list(Report.About.values)}
    asked = {
        "type": "object",
        "properties": {"about": about, "text": {"type": "string", "maxLength": 1_000}},
        "required": ["about", "text"],
    }
    body = {"required": True, "content": {"application/json": {"schema": asked}}}
    answers = operation["responses"]
    return {**operation, "requestBody": body, "responses": {"201": answers.pop("200"), **answers}}


def _check() -> dict[str, Any]:
    operation = _free(
        CHECK_ID,
        "Check a listing of this marketplace, and what it costs now",
        [],
        {"valid": {"type": "boolean"}, "preflight": _LIST, "paymentRequirements": _LIST},
        _BAD,
    )
    asked = {
        "type": "object",
        "properties": {"resource": {"type": "string", "format": "uri"}, "method": _TEXT},
        "required": ["resource"],
    }
    body = {"required": True, "content": {"application/json": {"schema": asked}}}
    return {**operation, "requestBody": body}


def _free(
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    answer: dict[str, Any],
    refusals: dict[str, Any],
) -> dict[str, Any]:
    schema = {"type": "object", "properties": answer, "required": list(answer)}
    said = {"description": "OK", "content": {"application/json": {"schema": schema}}}
    operation: dict[str, Any] = {"operationId": name, "summary": summary, "security": []}
    if parameters:
        operation["parameters"] = parameters
    return {**operation, "responses": {"200": said, **refusals}}


def _parameters(named: dict[str, tuple[dict[str, Any], str]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": about, "schema": schema}
        for name, (schema, about) in named.items()
    ]
