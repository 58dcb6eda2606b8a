"""A seller's API keys: made, shown once, revoked."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from payments.wiring.site import public_url
from sellers.models import Seller
from sellers.models.keys import ApiKey
from sellers.pages.own import acting, seller_only
from sellers.programs import keys
from sellers.programs.program_forms import KeyForm, show_refusal
from sellers.refusals import ListingRefused


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Every key, and a form for another."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            issued = keys.issue(
                seller, said["name"], said["scopes"], said["expires_days"], by=acting(request)
            )
        except ListingRefused as refused:
            show_refusal(form, refused)
        else:
            context = {"issued": issued, "example": public_url("/api/sell/me")}
            return render(request, "sellers/key_shown.html", context)
    shown = [{"key": key, **_state(key)} for key in keys.keys_of(seller)]
    context = {"form": form, "keys": shown}
    return render(request, "sellers/keys.html", context, status=422 if form.errors else 200)


@seller_only
@require_POST
def revoke(request: HttpRequest, seller: Seller, key_id: UUID) -> HttpResponse:
    """Take a key out of use."""
    if not keys.revoke(seller, key_id, by=acting(request)):
        raise Http404
    messages.success(request, "The key is revoked. Whatever uses it is refused from now on.")
    return redirect("sell-keys")


def _state(key: ApiKey) -> dict[str, object]:
    if key.revoked_at is not None:
        return {"word": "revoked", "tone": "bad", "works": False}
    if key.expires_at is not None and key.expires_at <= timezone.now():
        return {"word": "over", "tone": "neutral", "works": False}
    return {"word": "works", "tone": "good", "works": True}
