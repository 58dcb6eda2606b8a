"""Who may open a page: anybody signed in, moderators, admins; staff only with a second factor.

    @signed_in
    def my_page(request): ...

    @moderator_only
    def queue(request): ...

The second factor is a mark in the session, set where a code was checked (`mark_second_factor`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser, User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from payments.audit_log import user
from sellers.moderators import MODERATORS
from sellers.pages.coming_back import page_of_form

LATELY_SECONDS: Final = 900
_MARK: Final = "second_factor"
_SIGNED_IN_AT: Final = "signed_in_at"

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]


def signed_in(
    page: Callable[Concatenate[HttpRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R | HttpResponse]:
    """Only for somebody signed in; others are asked to sign in, and come back.

    Nobody keeps what it answers: it is for one person.
    """

    @wraps(page)
    def guarded(request: HttpRequest, /, *args: P.args, **named: P.kwargs) -> R | HttpResponse:
        answer: R | HttpResponse
        if request.user.is_authenticated:
            answer = page(request, *args, **named)
        else:
            answer = _sent_to("account-sign-in", request)
        add_never_cache_headers(answer)
        return answer

    return guarded


def signed_in_lately(
    page: Callable[Concatenate[HttpRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R | HttpResponse]:
    """Only for somebody who signed in a moment ago: for what changes how one gets in."""

    @wraps(page)
    def guarded(request: HttpRequest, /, *args: P.args, **named: P.kwargs) -> R | HttpResponse:
        if not came_lately(request):
            return _sent_to("account-sign-in", request, again="1")
        return page(request, *args, **named)

    return signed_in(guarded)


def moderator_only(page: Page[P]) -> Page[P]:
    """Only for moderators and admins, after their second factor; nothing is here for others."""
    return _staff_page(page, is_moderator)


def admin_only(page: Page[P]) -> Page[P]:
    """Only for admins, after their second factor; nothing is here for others."""
    return _staff_page(page, is_admin)


def _staff_page(page: Page[P], may: Callable[[User | AnonymousUser], bool]) -> Page[P]:
    @wraps(page)
    def guarded(request: HttpRequest, /, *args: P.args, **named: P.kwargs) -> HttpResponse:
        if not may(request.user):
            raise Http404
        if not has_second_factor(request):
            return _sent_to("account-second-factor", request)
        return page(request, *args, **named)

    return signed_in(guarded)


def is_admin(user: User | AnonymousUser) -> bool:
    """Whether this is somebody who runs the site."""
    return user.is_active and (user.is_staff or user.is_superuser)


def is_moderator(user: User | AnonymousUser) -> bool:
    """Whether this is somebody who judges listings; admins may as well."""
    if is_admin(user):
        return True
    return user.is_active and user.groups.filter(name=MODERATORS).exists()


def person(request: HttpRequest) -> User:
    """Whoever is signed in, on a page that only they can open."""
    assert isinstance(request.user, User)
    return request.user


def acting(request: HttpRequest) -> str:
    """Whoever is signed in, as the audit log names them."""
    return user(person(request).pk)


def has_second_factor(request: HttpRequest) -> bool:
    """Whether a code was checked in this session, for whoever is signed in."""
    return request.user.is_authenticated and request.session.get(_MARK) == str(request.user.pk)


def mark_second_factor(request: HttpRequest) -> None:
    """Note that whoever is signed in has shown a code."""
    request.session[_MARK] = str(person(request).pk)


def came_lately(request: HttpRequest) -> bool:
    """Whether whoever is here signed in a moment ago."""
    return bool(time.time() - request.session.get(_SIGNED_IN_AT, 0) <= LATELY_SECONDS)


def mark_sign_in(request: HttpRequest) -> None:
    """Note when somebody signed in."""
    request.session[_SIGNED_IN_AT] = int(time.time())


def _sent_to(name: str, request: HttpRequest, **query: str) -> HttpResponseRedirect:
    """What was asked for with GET is where they come back to; a form is sent from its page."""
    if request.method in ("GET", "HEAD"):
        back = request.get_full_path()
    else:
        back = page_of_form(request, reverse("account-home"))
        query = {"unsent": "1", **query}  # no message: it would open a session for whoever asks
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': back, **query})}")
