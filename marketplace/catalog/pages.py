"""The public pages: the way in, one listing, one seller. Programs get the same as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from marketplace.catalog import api, market
from marketplace.catalog.cards import cards
from marketplace.catalog.figures import seller_figures
from marketplace.catalog.listing_page import listing_context
from payments.reports.case_lists import counts_of
from payments.serving.page_or_json import is_person
from sellers.categories import CATEGORIES, label
from sellers.domains.proven import proven_domain
from sellers.examples import suffix
from sellers.market import goods
from sellers.market.goods import Good
from sellers.models import CatalogEntry, Listing, Payout, Seller

BEST_SHOWN: Final = 6


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What this is, for people and for their programs, and some of what is for sale."""
    best = goods.best(BEST_SHOWN)
    simplest = next((good for good in best if good.terms.method == "GET"), None)
    context = {
        "cards": cards(best),
        "categories": _categories(),
        "simplest": _example_url(simplest) if simplest else "",
        "agents_url": f"{settings.PUBLIC_BASE_URL}/llms.txt",
        "demo": settings.DEMO_CHAIN_RPC,
    }
    return render(request, "catalog/landing.html", context)


@require_safe
def listing(request: HttpRequest, seller: str, slug: str) -> HttpResponse:
    """One listing: what it does, what it costs, how it does, and a place to try it."""
    path = f"{seller}/{slug}"
    if not is_person(request):
        return _said_to_programs(api.listing(request, seller, slug))
    good = goods.one(path)
    if good is None:
        return _said_to_programs(_closed(request, seller, slug))
    return _said_to_programs(render(request, "catalog/listing.html", listing_context(good)))


@require_safe
def seller(request: HttpRequest, slug: str) -> HttpResponse:
    """One seller: who is paid, what they say of themselves, and what they sell."""
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return _said_to_programs(HttpResponseRedirect(f"/api/catalog?seller={quote(slug)}"))
    found, sold = Seller.objects.filter(slug=slug).first(), goods.of_seller(slug)
    known = sold or CatalogEntry.objects.filter(seller_slug=slug).exists()
    if found is None or not known:  # whoever never sold anything was never looked at by anybody
        raise Http404
    context = {
        "seller": found,
        "cards": cards(sold),
        "domain": proven_domain(found),
        "wallets": _wallets(found, sold),
        "figures": seller_figures(sold),
        "disputes": counts_of(found.pk),
        "program_links": [
            {"label": "All of it as JSON", "href": f"/api/catalog?seller={quote(slug)}"},
            {"label": "OpenAPI", "href": f"/s/{slug}/openapi.json"},
            {"label": "For language models", "href": f"/s/{slug}/llms.txt"},
        ],
    }
    return _said_to_programs(render(request, "catalog/seller.html", context))


def _closed(request: HttpRequest, seller: str, slug: str) -> HttpResponse:
    """Say that a listing rests, where there is one that was ever for sale."""
    found = Listing.objects.filter(
        seller__slug=seller, slug=slug, live_revision__isnull=False
    ).first()
    if found is None or found.state == Listing.State.RETIRED:
        raise Http404
    word = "paused" if found.state == Listing.State.PAUSED else "suspended"
    context = {"path": f"{seller}/{slug}", "word": word}
    return render(request, "catalog/closed.html", context, status=404)


def _said_to_programs(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["Accept"])
    return response


def _example_url(good: Good) -> str:
    return good.url + suffix(good.terms.example_input, good.terms.path_parameters)


def _categories() -> list[dict[str, str]]:
    """The categories in which something is for sale."""
    with connection.cursor() as cursor:
        cursor.execute(_FILLED, [list(CATEGORIES)])
        names = [name for (name,) in cursor.fetchall()]
    return [
        {"label": label(name), "href": market.address({market.CATEGORY: name})} for name in names
    ]


_FILLED: Final = """
    select name from unnest(%s::text[]) with ordinality as known(name, place)
     where exists (select 1 from sellers_catalogentry e where e.sold and e.category = known.name)
     order by place
"""


def _wallets(owner: Seller, sold: Iterable[Good]) -> list[dict[str, Any]]:
    """The wallets that are paid now, and whether the seller showed that they are theirs."""
    proven = {
        (row.address.lower(), row.network): row.proven_at
        for row in Payout.objects.filter(seller=owner, revoked_at__isnull=True)
    }
    paid = dict.fromkeys(
        (offer.requirements.pay_to, offer.requirements.network)
        for good in sold
        for offer in good.offers
    )
    return [
        {"address": address, "network": network,
         "proven_at": proven.get((address.lower(), "")) or proven.get((address.lower(), network))}
        for address, network in paid
    ]  # fmt: skip
