"""A buyer's webhooks: addresses that are told of limits and disputes, and what was sent."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marketplace.access import person, signed_in
from sellers.notices import put_away, unseen
from sellers.pages import addresses
from sellers.pages.addresses import Place

NOTICE_PAGES = frozenset({"/buy/", "/buy/webhooks"})
LEAD = "Addresses of yours that are told when a limit comes near, and of every step of a dispute."
EMPTY = "Add an address below, and your program hears of your limits and your disputes."


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """Every address, and a form for another."""
    return addresses.index(request, _place(request))


@signed_in
@require_safe
def show(request: HttpRequest, hook_id: UUID) -> HttpResponse:
    """One address: what it is told, its log and what can be done with it."""
    return addresses.show(request, _place(request), hook_id)


@signed_in
@require_POST
def change(request: HttpRequest, hook_id: UUID) -> HttpResponse:
    """Another address, or other events."""
    return addresses.change(request, _place(request), hook_id)


@signed_in
@require_POST
def rotate(request: HttpRequest, hook_id: UUID) -> HttpResponse:
    """A new secret, shown now."""
    return addresses.rotate(request, _place(request), hook_id)


@signed_in
@require_POST
def act(request: HttpRequest, hook_id: UUID, what: str) -> HttpResponse:
    """Send a test, turn on or off, remove."""
    return addresses.act(request, _place(request), hook_id, what)


@signed_in
@require_safe
def delivery(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """One message: what was sent, every attempt, what came back."""
    return addresses.delivery(request, _place(request), delivery_id)


@signed_in
@require_POST
def resend(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """Send a message again, now."""
    return addresses.resend(request, _place(request), delivery_id)


@signed_in
@require_POST
def notice_seen(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Put a notice away, and stay where it was read."""
    if not put_away(person(request).pk, notice_id):
        raise Http404
    back = request.POST.get("next", "")
    return redirect(back if back in NOTICE_PAGES else "buy-webhooks")


def _place(request: HttpRequest) -> Place:
    user = person(request)
    return Place(user, "buy", LEAD, EMPTY, {"notices": unseen(user.pk)})
