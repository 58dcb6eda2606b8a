"""Where whoever judges or runs the site says whether letters tell them what waits."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from marketplace.access import is_moderator, person, signed_in
from marketplace.accounts import duty_wishes
from marketplace.accounts.forms import DutyLettersForm


@signed_in
@require_POST
def set_letters(request: HttpRequest) -> HttpResponse:
    """Letters, or none any more."""
    if not is_moderator(request.user):
        raise Http404
    form = DutyLettersForm(request.POST)
    if form.is_valid():
        wanted = form.cleaned_data["letters"] == form.WANTED
        duty_wishes.set_wanted(person(request), wanted=wanted)
        messages.success(request, "Saved.")
    else:
        messages.error(request, "Choose one of the times for letters.")
    return redirect("account-home")
