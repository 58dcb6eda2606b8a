"""The test call: a draft answers at a private address, and its own seller pays for it."""

from __future__ import annotations

import shlex
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods

from payments.amounts import Amount
from payments.live.happenings import Topic, live_query
from payments.x402.networks import NETWORKS
from sellers import previews
from sellers.drafting.steps import REVIEW, STEPS, TRY, lacks
from sellers.drafting.typed import pretty
from sellers.examples import buying, suffix
from sellers.happenings import TEST_CALLS
from sellers.models import Preview, Seller, Worksheet
from sellers.offers import HEADER_BYTES_MAX, challenge, header_bytes, quote
from sellers.on_sale.preview_ends import close_of_listing
from sellers.pages.own import own_worksheet, seller_only
from sellers.pages.parts import asks_for_part
from sellers.payouts.own_wallets import may_pay_now
from sellers.refusals import ListingRefused
from sellers.site import Site, preview_limits, this_site
from sellers.terms import Terms


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def test_call(request: HttpRequest, seller: Seller, worksheet_id: UUID) -> HttpResponse:
    """Open a draft's private address, and see what became of the calls to it."""
    sheet, site = own_worksheet(seller, worksheet_id), this_site()
    refused: ListingRefused | None = None
    if request.method == "POST":
        try:
            return _done(request, sheet, site)
        except ListingRefused as late:
            refused = late
    part = asks_for_part(request) and request.method != "POST"
    page = "sellers/_test_calls.html" if part else "sellers/steps/try.html"
    response = render(request, page, _context(sheet, site, refused), status=422 if refused else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _done(request: HttpRequest, sheet: Worksheet, site: Site) -> HttpResponse:
    if request.POST.get("action") == "close":
        close_of_listing(sheet.listing_id)
        messages.success(request, "The test address answers no more.")
    else:
        previews.open_preview(sheet, site)
    return redirect("sell-try", sheet.pk)


def _context(sheet: Worksheet, site: Site, refused: ListingRefused | None) -> dict[str, Any]:
    live = live_query(Topic(TEST_CALLS, sheet.pk))
    lacking = [(each, lack) for each in STEPS if (lack := lacks(sheet, each, site))]
    preview = previews.of_worksheet(sheet)
    context: dict[str, Any] = {
        "sheet": sheet,
        "live": live,
        "steps": way(sheet, TRY, site),
        "lacking": lacking,
        "preview": preview,
        "calls": previews.calls_of(sheet),
        "trouble": refused.message if refused else "",
        "wallets": sorted(may_pay_now(sheet.seller)),
    }
    return context | (_shown(preview, sheet, site) if preview else {})


def _shown(preview: Preview, sheet: Worksheet, site: Site) -> dict[str, Any]:
    """The address, and the very 402 that it answers with."""
    terms = Terms.from_json(preview.terms)
    url = previews.address_of(preview, site)
    prices = previews.prices_of(preview)
    offers = quote(terms, prices, site)
    quoted = challenge(terms, offers, url, site)
    return {
        "url": url,
        "example_url": url + suffix(terms.example_input, terms.path_parameters),
        "method": terms.method,
        "prices": [
            {
                "amount": Amount.of(price.network, price.asset, int(price.amount_atomic)),
                "pay_to": price.pay_to,
                "network": price.network,
                "name": NETWORKS[price.network].name,
            }
            for price in prices
        ],
        "seconds": offers[0].requirements.max_timeout_seconds if offers else 0,
        "challenge": pretty(quoted.challenge.to_wire()),
        "header_bytes": header_bytes(quoted.challenge),
        "header_bytes_max": HEADER_BYTES_MAX,
        "payers": preview.payers,
        "buy": shlex.join(["python3", "manage.py", "buy", *_whose_key(), *buying(url, terms)]),
        "is_current": previews.is_current(preview, sheet, site),
    }


def _whose_key() -> list[str]:
    """The demo has a wallet of its own that pays; elsewhere a seller brings the key."""
    return [] if preview_limits().wallets else ["--key-file", "wallet.key"]


def way(sheet: Worksheet, current: str, site: Site) -> list[dict[str, Any]]:
    """The steps as every page of the draft shows them."""
    steps = [
        {
            "slug": each.slug,
            "title": each.title,
            "done": lacks(sheet, each, site) is None,
            "current": each.slug == current,
        }
        for each in STEPS
    ]
    for slug, title in ((TRY, "Test call"), (REVIEW, "Check and submit")):
        steps.append({"slug": slug, "title": title, "done": False, "current": slug == current})
    return steps
