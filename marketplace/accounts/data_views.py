"""What is kept of an account: taken along as one archive, or let go of for good."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from marketplace.access import acting, is_moderator, person, signed_in, signed_in_lately
from marketplace.accounts import erasure, own_data
from marketplace.accounts.forms import EraseForm
from payments.serving.spreadsheets import download
from sellers.models import Listing
from sellers.profile.directory import seller_of


@signed_in_lately
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """What is kept, the archive of it, and the way to have it erased."""
    return _page(request, EraseForm())


@signed_in_lately
@require_POST
def archive(request: HttpRequest) -> HttpResponse:
    """Everything of one's own account, written while it is sent."""
    user = person(request)
    parts = own_data.archive_of(user)
    # Of a page that streams the type checker knows only that it answers.
    return download(request, own_data.file_name_of(user), own_data.CONTENT_TYPE, parts)  # type: ignore[return-value]


@signed_in_lately
@require_POST
def erase(request: HttpRequest) -> HttpResponse:
    """Ask for the account to be erased; what it sells is paused at once."""
    form = EraseForm(request.POST)
    if not form.is_valid():
        return _page(request, form, 422)
    try:
        asked = erasure.ask(person(request), by=acting(request))
    except erasure.HasDuties:
        messages.error(request, "Nothing is erased yet: you judge listings or run this site.")
    else:
        when = f"{asked.due_at:%-d %B %Y, %H:%M} UTC"
        held_up = " and every open dispute is decided" if erasure.disputes_of(asked.user) else ""
        messages.success(
            request, f"Your account is erased once it is {when}{held_up}. Until then, keep it here."
        )
    return redirect("account-data")


@signed_in
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Take the erasure back."""
    if erasure.take_back(person(request), by=acting(request)):
        messages.success(request, "Your account stays. Paused listings are yours to resume.")
    return redirect("account-data")


def _page(request: HttpRequest, form: Form, status: int = 200) -> HttpResponse:
    user = person(request)
    seller = seller_of(user)
    context: dict[str, Any] = {
        "form": form,
        "asked": erasure.asked_of(user),
        "has_duties": is_moderator(user),
        "seller": seller,
        "live": seller.listings.filter(state=Listing.State.LIVE).count() if seller else 0,
        "kept": seller.listings.exclude(state=Listing.State.RETIRED).count() if seller else 0,
        "wallets": user.wallets.count(),
        "disputes": erasure.disputes_of(user),
        "days": settings.ERASE_AFTER_SECONDS // 86_400,
        "hours": settings.ERASE_AFTER_SECONDS // 3_600,
        "answer_days": settings.ANSWER_KEEP_DAYS,
    }
    return render(request, "accounts/data.html", context, status=status)
