"""The pages on which an address of mail is confirmed."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marketplace.access import person, signed_in
from marketplace.accounts import mail, throttle

_CAME_WITH = "mail"


@never_cache
@require_safe
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """Come by letter. What the link holds goes into the session, out of logs and referrers."""
    if mail.holder_of(token) is None:
        return render(request, "accounts/mail_over.html", status=404)
    request.session[_CAME_WITH] = token
    return redirect("account-mail")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Say that the account is one's own; a program that only opens links says nothing."""
    user = mail.holder_of(str(request.session.get(_CAME_WITH, "")))
    if user is None:
        return render(request, "accounts/mail_over.html", status=404)
    if request.method != "POST":
        return render(request, "accounts/mail.html", {"name": user.username, "email": user.email})
    mail.confirm(user)
    del request.session[_CAME_WITH]
    messages.success(request, "The address is confirmed. A lost password can be replaced by it.")
    return redirect("account-home")


@signed_in
@require_POST
def again(request: HttpRequest) -> HttpResponse:
    """Send the letter once more."""
    user = person(request)
    if not settings.SENDS_MAIL or not user.email or mail.is_confirmed(user):
        return redirect("account-home")
    if throttle.may_ask_for_reset(request, user.email):
        mail.ask_to_confirm(user)
        messages.success(request, "The letter is on its way once more.")
    else:
        messages.error(request, throttle.TOO_OFTEN)
    return redirect("account-home")
