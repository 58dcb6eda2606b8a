"""Home and health."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from marketplace.look import markdown
from payments.amounts import Amount
from payments.models import ChainHealth
from payments.views import is_person
from payments.wiring import networks
from payments.x402.networks import NETWORKS
from sellers.examples import suffix
from sellers.models import Listing
from sellers.offers import resource_url
from sellers.terms import Terms

SHOWN_MAX = 50
GUIDES = {"buy": "Buying", "sell": "Selling", "webhooks": "Webhooks"}


def site(request: HttpRequest) -> dict[str, object]:
    """What every template may say about this marketplace."""
    return {"site_name": settings.SITE_NAME, "public_base_url": settings.PUBLIC_BASE_URL}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is for sale, and how a program buys it."""
    live = (
        Listing.objects.filter(state=Listing.State.LIVE)
        .select_related("seller", "live_revision")
        .prefetch_related("live_revision__prices")
        .order_by("-created_at")[:SHOWN_MAX]
    )
    shown = [_shown(listing) for listing in live]
    simplest = next((one for one in shown if one["method"] == "GET"), None)
    context = {"listings": shown, "simplest": simplest, "demo": settings.DEMO_CHAIN_RPC}
    return render(request, "home.html", context)


def _shown(listing: Listing) -> dict[str, Any]:
    assert listing.live_revision is not None
    terms = Terms.from_json(listing.live_revision.terms)
    url = resource_url(settings.CALL_BASE_URL, listing.path)
    return {
        "title": terms.title,
        "description": terms.description,
        "method": terms.method,
        "url": url,
        "example_url": url + suffix(terms.example_input, terms.path_parameters),
        "seller": listing.seller.name,
        "prices": [
            {
                "amount": Amount.of(price.network, price.asset, int(price.amount_atomic)),
                "network": NETWORKS[price.network].name,
                "testnet": NETWORKS[price.network].testnet,
            }
            for price in listing.live_revision.prices.all()
        ],
    }


@require_safe
def guide(request: HttpRequest, name: str) -> HttpResponse:
    """The guides that come with the program: a page for people, the text itself for programs."""
    if name not in GUIDES:
        raise Http404
    text = (settings.BASE_DIR / "docs" / f"{name}.md").read_text(encoding="utf-8")
    if is_person(request):
        context = {"guide": markdown.read(text, frozenset(GUIDES)), "guides": _guide_tabs(name)}
        response = render(request, "guide.html", context)
    else:
        response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    patch_vary_headers(response, ["Accept"])
    return response


def _guide_tabs(name: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "href": reverse("guide", args=[each]), "current": each == name}
        for each, label in GUIDES.items()
    ]


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is promised."""
    return JsonResponse({"ok": True})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether paid calls can be served: the database, and every network's settling."""
    try:
        health = {row.network: row for row in ChainHealth.objects.all()}
    except DatabaseError:
        return JsonResponse({"ok": False, "database": "unreachable"}, status=503)
    said = {network: _trouble(health.get(network)) for network in networks()}
    ok = not any(said.values())
    report = {network: trouble or "ok" for network, trouble in said.items()}
    return JsonResponse({"ok": ok, "database": "ok", "networks": report}, status=200 if ok else 503)


def _trouble(row: ChainHealth | None) -> str:
    if row is None:
        return "nobody has settled this network yet"
    if (timezone.now() - row.seen_at).total_seconds() > settings.HEAD_STALE_SECONDS:
        return "nobody settles this network at the moment"
    return row.refusing_why
