"""Forms and addresses in which no browser says anything odd: what nothing could store is refused
before a page reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import BadRequest
from django.http import HttpRequest, UnreadablePostError

from marketplace.both_ways import Answer, BothWays

FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
UTF_8: Final = ("", "utf-8", "utf8")


class PlainForms(BothWays):
    """Refuses forms that are not UTF-8, and the character NUL in an address or in a form."""

    def __call__(self, request: HttpRequest) -> Answer:
        _refuse_odd_address(request)
        _refuse_odd_charset(request)
        return super().__call__(request)

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
