"""The policy that keeps every page's scripts and styles ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

_BASE = settings.PUBLIC_BASE_URL
_HOST = urlsplit(_BASE).hostname or ""
_LAPTOP = ("127.0.0.1", "localhost")  # called by either name
_NAMES = _LAPTOP if _HOST in _LAPTOP else (_HOST,)
_STATIC = " ".join(f"{_BASE.replace(_HOST, name, 1)}{settings.STATIC_URL}" for name in _NAMES)
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_STATIC}",
        f"style-src {_STATIC}",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class ContentSecurityPolicy:
    """Adds the policy to every page that does not carry a stricter one of its own."""

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        answer = self.get_response(request)
        if isinstance(answer, HttpResponseBase):
            return _with_policy(answer)
        return _later(answer)


async def _later(answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
    return _with_policy(await answer)


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
