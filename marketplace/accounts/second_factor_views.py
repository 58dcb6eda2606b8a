"""The second factor's pages: showing a code, taking one up, its recovery codes, letting it go."""

from __future__ import annotations

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from marketplace.access import (
    acting,
    has_second_factor,
    is_moderator,
    mark_second_factor,
    person,
    signed_in_lately,
)
from marketplace.accounts import second_factor, sessions, throttle, totp
from marketplace.accounts.entrance import admit, back_of, waiting
from marketplace.accounts.forms import CodeForm

WRONG_CODE = "This code is not right, or it was used already. Wait for the next one."
_OFFER = "second_factor_offer"


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Show a code: to finish signing in, or before the first page that asks for one."""
    user = waiting(request)
    if user is None and request.user.is_authenticated:
        user = person(request)
        if not second_factor.is_enrolled(user):
            return take_up(request)
        if has_second_factor(request):
            return redirect(back_of(request))
    if user is None:
        return redirect("account-sign-in")
    form = CodeForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        if _is_right(user, form):
            admit(request, user)
            mark_second_factor(request)
            return redirect(back_of(request))
        status = 422
    return render(
        request, "accounts/code.html", {"form": form, "next": back_of(request)}, status=status
    )


@signed_in_lately
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def take_up(request: HttpRequest) -> HttpResponse:
    """Take a second factor up, or another phone: a picture to scan, and its first code."""
    user = person(request)
    if second_factor.is_enrolled(user) and not has_second_factor(request):
        return redirect("account-second-factor")
    sealed = request.session.get(_OFFER, "")
    secret = second_factor.opened(user, sealed) if sealed else None
    if secret is None:
        sealed = request.session[_OFFER] = second_factor.offer(user)
        secret = second_factor.opened(user, sealed)
    assert secret is not None
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        codes = second_factor.enrol(user, sealed, form.cleaned_data["code"], by=acting(request))
        if codes is not None:
            del request.session[_OFFER]
            mark_second_factor(request)
            sessions.end_all(user, but=request.session.session_key)
            return _codes_page(request, codes)
        form.add_error("code", WRONG_CODE)
    status = 422 if form.errors else 200
    context = _offer(request, user, secret, form)
    return render(request, "accounts/take_up.html", context, status=status)


@signed_in_lately
@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    """Fresh recovery codes, shown this once."""
    if not has_second_factor(request):
        return redirect("account-second-factor")
    return _codes_page(request, second_factor.new_codes(person(request), by=acting(request)))


@signed_in_lately
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Do without a second factor; whoever judges listings or runs the site cannot."""
    user = person(request)
    if not has_second_factor(request):
        return redirect("account-second-factor")
    if is_moderator(user):
        messages.error(request, "Moderators and admins need a second factor.")
    else:
        second_factor.remove(user, by=acting(request))
        messages.success(request, "The second factor is gone.")
    return redirect("account-home")


def _is_right(user: User, form: CodeForm) -> bool:
    if not throttle.may_try_code(user.pk):
        form.add_error("code", throttle.TOO_OFTEN)
    elif second_factor.is_right(user, form.cleaned_data["code"]):
        return True
    else:
        form.add_error("code", WRONG_CODE)
    return False


def _offer(request: HttpRequest, user: User, secret: bytes, form: CodeForm) -> dict[str, object]:
    address = totp.address(secret, issuer=settings.SITE_NAME, name=user.username)
    spelled = totp.spelled(secret)
    return {
        "form": form,
        "next": back_of(request),
        # Black on white in either theme: cameras expect it.
        "picture": segno.make(address, error="m").svg_data_uri(scale=5, border=3, light="#fff"),
        "secret": " ".join(spelled[at : at + 4] for at in range(0, len(spelled), 4)),
        "needed": is_moderator(user),
        # The key stands on the same page: whoever sees it can make the code.
        "demo_code": totp.code_now(secret) if settings.DEMO_CHAIN_RPC else "",
    }


def _codes_page(request: HttpRequest, codes: list[str]) -> HttpResponse:
    context = {"codes": codes, "next": back_of(request)}
    return render(request, "accounts/recovery_codes.html", context)
