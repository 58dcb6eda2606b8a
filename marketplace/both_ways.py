"""What a middleware is that serves both kinds of views without a thread in between.

Django's own base for it, `MiddlewareMixin`, takes one thread hop for each asynchronous request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

Answer: TypeAlias = HttpResponseBase | Awaitable[HttpResponseBase]


class BothWays:
    """Says of itself what the one behind it is."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        return self.get_response(request)
