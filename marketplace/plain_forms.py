"""Forms and addresses in which no browser says anything odd: what nothing could store is refused
before a page reads it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase, UnreadablePostError

FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
UTF_8: Final = ("", "utf-8", "utf8")


class PlainForms:
    """Refuses forms that are not UTF-8, and the character NUL in an address or in a form."""

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        _refuse_odd_address(request)
        _refuse_odd_charset(request)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, named: Any
    ) -> None:
        """Where the CSRF check is about to read the form anyway; programs' bodies stay unread."""
        if request.method != "POST" or getattr(view, "csrf_exempt", False):
            return
        if request.content_type not in FORMS:
            return
        try:
            fields = request.POST.lists()
        except UnreadablePostError:  # who sent it is gone, as the CSRF check will find
            return
        if any("\0" in text for name, values in fields for text in (name, *values)):
            raise BadRequest("a form with the character NUL")


def _refuse_odd_address(request: HttpRequest) -> None:
    if "%00" in request.META.get("QUERY_STRING", ""):
        raise BadRequest("an address with the character NUL")


def _refuse_odd_charset(request: HttpRequest) -> None:
    charset = (request.content_params or {}).get("charset", "").lower()
    if charset not in UTF_8 and request.content_type in FORMS:
        raise BadRequest("a form that is not UTF-8")
