"""The way back in for whoever lost a password: a letter, and a new password from its link."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlsafe_base64_decode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.accounts import letters, passwords, sessions, throttle
from marketplace.accounts.forms import ForgotForm, ResetForm
from payments.audit_log import user as audited

_CAME_WITH = "reset"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    """Ask for a letter; the page says the same whether or not anybody has that address."""
    form = ForgotForm(request.POST or None)
    context = {"form": form, "sends_mail": settings.SENDS_MAIL, "asked": False}
    if request.method != "POST" or not settings.SENDS_MAIL:
        return render(request, "accounts/forgot.html", context)
    if form.is_valid():
        if throttle.may_ask_for_reset(request, form.cleaned_data["email"]):
            letters.ask_for_reset(form.cleaned_data["email"])
            return render(request, "accounts/forgot.html", {**context, "asked": True})
        form.add_error(None, throttle.TOO_OFTEN)
        return render(request, "accounts/forgot.html", context, status=429)
    return render(request, "accounts/forgot.html", context, status=422)


@never_cache
@require_safe
def follow(request: HttpRequest, place: str, token: str) -> HttpResponse:
    """Come by letter. What the link holds goes into the session, out of logs and referrers."""
    if _comer(place, token) is None:
        return render(request, "accounts/reset_over.html", status=404)
    request.session[_CAME_WITH] = [place, token]
    return redirect("account-reset")


@never_cache
@sensitive_post_parameters()
@sensitive_variables()
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    """Choose a new password. It signs nobody in: a second factor is still asked for."""
    place, token = request.session.get(_CAME_WITH, ("", ""))
    user = _comer(place, token)
    if user is None:
        return render(request, "accounts/reset_over.html", status=404)
    form = ResetForm(request.POST or None, user=user)
    context = {"form": form, "name": user.username}
    if request.method != "POST":
        return render(request, "accounts/reset.html", context)
    if not form.is_valid():
        return render(request, "accounts/reset.html", context, status=422)
    passwords.set_password(user, form.cleaned_data["password"], by=audited(user.pk))
    logout(request)
    sessions.end_all(user)
    throttle.signed_in(request, user.username)
    messages.success(request, "The new password is set. Sign in with it.")
    passwords.tell_of_keys(request, user)
    return redirect("account-sign-in")


def _comer(place: str, token: str) -> User | None:
    """Whose new password a link is for; None when it is over, or never was."""
    try:
        number = int(urlsafe_base64_decode(place))
    except ValueError:
        return None
    user = User.objects.filter(pk=number, is_active=True).first()
    return user if user and default_token_generator.check_token(user, token) else None
