"""Browsers that somebody signed in with before: whoever guesses elsewhere keeps none of them out.

A cookie names the account, with a mark of its own for each, and opens nothing.
"""

from __future__ import annotations

import secrets
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponse

KEPT_DAYS: Final = 400  # no browser keeps a cookie for longer
ACCOUNTS_MAX: Final = 5  # of one browser
_SALT: Final = "souk familiar browser"
_ADMITTED: Final = "souk_admitted"
_DAY: Final = 86_400


def note(request: HttpRequest, user: User) -> None:
    """Somebody was let in by this request; its answer tells the browser."""
    setattr(request, _ADMITTED, user.pk)


def tell(request: HttpRequest, response: HttpResponse) -> None:
    """Give the cookie to a browser in which somebody was let in."""
    admitted: int | None = getattr(request, _ADMITTED, None)
    if admitted is None:
        return
    # Only who signs in gets a new mark: with one, tries are counted anew.
    others = [each for each in _marks(request) if each[0] != admitted]
    marks = [(admitted, secrets.token_hex(8)), *others][:ACCOUNTS_MAX]
    response.set_cookie(
        settings.FAMILIAR_COOKIE_NAME,
        signing.dumps(marks, salt=_SALT),
        max_age=KEPT_DAYS * _DAY,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def mark_of(request: HttpRequest, name: str) -> str:
    """The mark of a browser that signed in to this name before; nothing where it did not."""
    marks = dict(_marks(request))
    if not marks:
        return ""
    user = User.objects.filter(username=name, pk__in=marks).first()
    return marks[user.pk] if user else ""


def _marks(request: HttpRequest) -> list[tuple[int, str]]:
    shown = request.COOKIES.get(settings.FAMILIAR_COOKIE_NAME, "")
    try:
        marks = signing.loads(shown, salt=_SALT, max_age=KEPT_DAYS * _DAY)
    except signing.BadSignature:
        return []
    return [(pk, mark) for pk, mark in marks]
