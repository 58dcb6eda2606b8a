"""Signing somebody in: the session gets a new key, and may have to wait for a second factor."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urlencode

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from marketplace import access
from marketplace.accounts import familiar, second_factor, sessions

PENDING_SECONDS: Final = 600
_PENDING: Final = "pending_sign_in"
_COMING_BY: Final = "coming_by_wallet"
_CAME_BY: Final = "came_by_wallet"
_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


def enter(request: HttpRequest, user: User, back: str, *, wallet: str = "") -> str:
    """Let in whoever has proven who they are, by a wallet or else; returns where they go next."""
    request.session[_COMING_BY] = wallet
    if not second_factor.is_enrolled(user):
        admit(request, user)
        return back
    request.session.cycle_key()
    until = int(time.time()) + PENDING_SECONDS
    # With what a new password changes, so that an old one does not go on waiting.
    request.session[_PENDING] = [user.pk, until, user.get_session_auth_hash()]
    return f"{reverse('account-second-factor')}?{urlencode({'next': back})}"


def waiting(request: HttpRequest) -> User | None:
    """Who has proven themselves in this session and has yet to show a code."""
    user_pk, until, proven = request.session.get(_PENDING) or (None, 0, "")
    if user_pk is None or until < time.time():
        return None
    user = User.objects.filter(pk=user_pk, is_active=True).first()
    if user is None or not constant_time_compare(proven, user.get_session_auth_hash()):
        return None
    return user


def admit(request: HttpRequest, user: User) -> None:
    """Sign somebody in."""
    request.session.pop(_PENDING, None)
    wallet = request.session.pop(_COMING_BY, "")
    key = request.session.session_key
    login(request, user, backend=_BACKEND)
    if request.session.session_key == key:  # Django keeps it for whoever signs in once more
        request.session.cycle_key()
    access.mark_sign_in(request)
    request.session[_CAME_BY] = wallet
    request.session[sessions.DEVICE] = sessions.device(request)
    sessions.note_visit(request)
    familiar.note(request, user)


def came_by(request: HttpRequest, address: str) -> bool:
    """Whether this is the wallet that somebody signed in with here."""
    return bool(address) and request.session.get(_CAME_BY) == address


def back_of(request: HttpRequest) -> str:
    """Where somebody wanted to go, if that is a page of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith("/") else reverse("account-home")
