"""How a document for programs is sent: readable from everywhere, and not twice to who has it."""

from __future__ import annotations

import hashlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from marketplace.catalog import reading

JSON: Final = reading.JSON_TYPE


def etag_of(*made_from: object) -> str:
    """A name for what these make: the same ones, the same name."""
    return f'"{hashlib.sha256(repr(made_from).encode()).hexdigest()[:32]}"'


def known(request: HttpRequest, etag: str) -> HttpResponse | None:
    """The short answer to who has this very document already."""
    found = get_conditional_response(request, etag=etag)
    return None if found is None else _public(found, etag, 0)


def document(
    request: HttpRequest, body: bytes, content_type: str, etag: str = "", max_age: int = 0
) -> HttpResponse:
    """A document, or that it has not changed; caches ask again once it is older than `max_age`."""
    etag = etag or etag_of(body)
    response = HttpResponse(body, content_type=content_type)
    response = get_conditional_response(request, etag=etag, response=response) or response
    return _public(response, etag, max_age)


def refusal(status: int, error: str) -> HttpResponse:
    """Say what is wrong with a request, to whoever asks from wherever."""
    response = reading.refusal(status, error)
    response["Access-Control-Allow-Origin"] = "*"
    return response


def preflight(*methods: str) -> HttpResponse:
    """Let a page of anybody's ask: nothing here depends on who they are."""
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Methods"] = ", ".join((*methods, "OPTIONS"))
    response["Access-Control-Allow-Headers"] = "Content-Type, If-None-Match"
    response["Access-Control-Max-Age"] = "86400"
    return response


def _public(response: HttpResponse, etag: str, max_age: int) -> HttpResponse:
    response["ETag"] = etag
    response["Cache-Control"] = f"public, max-age={max_age}" if max_age else "no-cache"
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Expose-Headers"] = "ETag"
    return response
