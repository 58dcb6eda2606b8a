"""What pages of other sites may ask: whatever proves its asker by itself, and reads no cookie."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

P = ParamSpec("P")
Response = TypeVar("Response", bound=HttpResponseBase)
# What a browser would keep from a page, though it says how to go on.
EXPOSED: Final = (
    "Retry-After, WWW-Authenticate, X-Souk-Payment, X-Souk-Superseded-By, X-Souk-Cut,"
    " RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
)
_Read = Callable[Concatenate[HttpRequest, P], HttpResponse]
_Page = Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponse]]


def preflight(methods: Sequence[str], headers: Sequence[str]) -> HttpResponse:
    """Tell a browser which methods and headers a page elsewhere may send."""
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = ", ".join((*methods, "OPTIONS"))
    response["Access-Control-Allow-Headers"] = ", ".join(headers)
    return readable(response)


def readable(response: Response) -> Response:
    """Let pages of any origin read it, and how to go on."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Expose-Headers"] = EXPOSED
    return response


def read_from_anywhere(page: _Read[P]) -> _Read[P]:
    """A page that is only read, by anybody's pages too: browsers that ask first are told so."""
    safe = require_safe(page)

    @wraps(page)
    def answered(request: HttpRequest, /, *args: P.args, **named: P.kwargs) -> HttpResponse:
        if request.method == "OPTIONS":
            return preflight(("GET", "HEAD"), ("Content-Type", "If-None-Match"))
        return safe(request, *args, **named)

    return answered


def asked_from_anywhere(*methods: str, headers: Sequence[str]) -> Callable[[_Page[P]], _Page[P]]:
    """A page that answers browsers that ask first, and can be read whatever it says."""

    def around(page: _Page[P]) -> _Page[P]:
        @wraps(page)
        async def answered(
            request: HttpRequest, /, *args: P.args, **named: P.kwargs
        ) -> HttpResponse:
            if request.method == "OPTIONS":
                return preflight(methods, headers)
            return readable(await page(request, *args, **named))

        return answered

    return around
