"""A seller's webhooks: the addresses, what was sent to them, and sending it again."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sellers.models import Seller
from sellers.notices import put_away, unseen
from sellers.pages import addresses
from sellers.pages.addresses import Place
from sellers.pages.own import seller_only

NOTICE_PAGES = frozenset({"/sell/", "/sell/health", "/sell/webhooks"})
LEAD = (
    "Addresses of yours that are told of every step of your payments and every verdict on your"
    " listings."
)
EMPTY = "Add an address below, and your program hears of a sale the moment it happens."


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Every address, and a form for another."""
    return addresses.index(request, _place(seller))


@seller_only
@require_safe
def show(request: HttpRequest, seller: Seller, hook_id: UUID) -> HttpResponse:
    """One address: what it is told, its log and what can be done with it."""
    return addresses.show(request, _place(seller), hook_id)


@seller_only
@require_POST
def change(request: HttpRequest, seller: Seller, hook_id: UUID) -> HttpResponse:
    """Another address, or other events."""
    return addresses.change(request, _place(seller), hook_id)


@seller_only
@require_POST
def rotate(request: HttpRequest, seller: Seller, hook_id: UUID) -> HttpResponse:
    """A new secret, shown now."""
    return addresses.rotate(request, _place(seller), hook_id)


@seller_only
@require_POST
def act(request: HttpRequest, seller: Seller, hook_id: UUID, what: str) -> HttpResponse:
    """Send a test, turn on or off, remove."""
    return addresses.act(request, _place(seller), hook_id, what)


@seller_only
@require_safe
def delivery(request: HttpRequest, seller: Seller, delivery_id: UUID) -> HttpResponse:
    """One message: what was sent, every attempt, what came back."""
    return addresses.delivery(request, _place(seller), delivery_id)


@seller_only
@require_POST
def resend(request: HttpRequest, seller: Seller, delivery_id: UUID) -> HttpResponse:
    """Send a message again, now."""
    return addresses.resend(request, _place(seller), delivery_id)


@seller_only
@require_POST
def notice_seen(request: HttpRequest, seller: Seller, notice_id: UUID) -> HttpResponse:
    """Put a notice away, and stay where it was read."""
    if not put_away(seller.pk, notice_id):
        raise Http404
    back = request.POST.get("next", "")
    return redirect(back if back in NOTICE_PAGES else "sell-webhooks")


def _place(seller: Seller) -> Place:
    return Place(seller, "sell", LEAD, EMPTY, {"notices": unseen(seller.pk)})
