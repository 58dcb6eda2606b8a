"""The policy that keeps every page's scripts and styles ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from marketplace.both_ways import Answer, BothWays

_BASE = settings.PUBLIC_BASE_URL
_HOST = urlsplit(_BASE).hostname or ""
_LAPTOP = ("127.0.0.1", "localhost")  # called by either name
_NAMES = _LAPTOP if _HOST in _LAPTOP else (_HOST,)
_STATIC = " ".join(f"{_BASE.replace(_HOST, name, 1)}{settings.STATIC_URL}" for name in _NAMES)


def _policy(connect: str = "'self'", images: str = "'self' data:", forms: str = "'self'") -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_STATIC}",
            f"style-src {_STATIC}",
            f"connect-src {connect}",
            f"img-src {images}",
            f"form-action {forms}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


POLICY = _policy()
# Where calls are sold may be another host; an answer may be a picture.
_ELSEWHERE = "" if settings.CALL_BASE_URL == _BASE else f" {settings.CALL_BASE_URL}"
_CALLING = _policy(f"'self'{_ELSEWHERE}", images="'self' data: blob:", forms=f"'self'{_ELSEWHERE}")

P = ParamSpec("P")


def calling(page: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """A page that makes calls at the door and shows their answers."""

    @wraps(page)
    def allowed(*args: P.args, **named: P.kwargs) -> HttpResponse:
        response = page(*args, **named)
        response.headers["Content-Security-Policy"] = _CALLING
        return response

    return allowed


class ContentSecurityPolicy(BothWays):
    """Adds the policy to every page that does not carry a stricter one of its own."""

    def __call__(self, request: HttpRequest) -> Answer:
        answer = super().__call__(request)
        if isinstance(answer, HttpResponseBase):
            return _with_policy(answer)
        return _later(answer)


async def _later(answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
    return _with_policy(await answer)


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
