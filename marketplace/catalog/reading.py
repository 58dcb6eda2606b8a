"""How the catalog answers programs: JSON in every case, readable from anywhere, cheap to ask again.

An address whose answer did not change since is answered with 304, and nothing is searched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec
from urllib.parse import parse_qsl

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags

from marketplace.catalog.queries import PAIRS_MAX, BadQuery
from marketplace.catalog.turns import TooOften

QUERY_CHARACTERS_MAX: Final = 4_000
JSON_TYPE: Final = "application/json"
ATOM_TYPE: Final = "application/atom+xml; charset=utf-8"
_METHODS: Final = ("GET", "HEAD")
_HEADERS: Final = {
    # Kept by whoever likes, and asked about each time: what is paused is gone at once.
    "Cache-Control": "public, no-cache",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "ETag, Link, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
    ),
    "X-Content-Type-Options": "nosniff",
}

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def public(view: View[P]) -> View[P]:
    """Let everybody read: errors are JSON, and say what to do."""

    @wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **named: P.kwargs) -> HttpResponse:
        response = _answer(view, request, *args, **named)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return answered


def _answer(
    view: View[P], request: HttpRequest, /, *args: P.args, **named: P.kwargs
) -> HttpResponse:
    if request.method == "OPTIONS":
        allowed = {"Access-Control-Allow-Methods": ", ".join(_METHODS), "Allow": "GET, HEAD"}
        return HttpResponse(status=204, headers={**allowed, "Access-Control-Allow-Headers": "*"})
    if request.method not in _METHODS:
        response = refusal(405, "this address is read with GET")
        response["Allow"] = ", ".join(_METHODS)
        return response
    try:
        return view(request, *args, **named)
    except BadQuery as bad:
        return refusal(400, bad.message)
    except TooOften as often:
        response = refusal(429, str(often))
        for name, said in often.rate.headers.items():
            response[name] = said
        return response


def refusal(status: int, error: str, **more: object) -> HttpResponse:
    """An error that says what to do; nobody keeps it."""
    response = document({"error": error, **more}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def document(content: Any, *, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(content), status=status, content_type=JSON_TYPE)


def pairs_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The request's parameters as they were sent, or a refusal."""
    text = request.META.get("QUERY_STRING", "")
    if len(text) > QUERY_CHARACTERS_MAX:
        raise BadQuery(f"ask in at most {QUERY_CHARACTERS_MAX} characters")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=PAIRS_MAX)
    except UnicodeError:
        raise BadQuery("write parameters in UTF-8, percent-encoded") from None
    except ValueError:
        raise BadQuery(f"send at most {PAIRS_MAX} parameters") from None


def unless_known(
    request: HttpRequest, edition: str, make: Callable[[], HttpResponse]
) -> HttpResponse:
    """What `make` makes, or 304 where whoever asks has this edition of the address."""
    asked = f"{edition} {request.path}?{request.META.get('QUERY_STRING', '')}"
    etag = f'W/"{hashlib.sha256(asked.encode("utf-8", "replace")).hexdigest()[:24]}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    response = HttpResponse(status=304) if {etag, etag[2:]} & set(known) else make()
    if response.status_code in (200, 304):
        response["ETag"] = etag
    return response
