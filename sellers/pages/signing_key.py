"""The key with which a seller's endpoint knows that a call comes from here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from payments.wiring.keys import upstream_signing_key
from sellers.models import Seller
from sellers.pages.home import row
from sellers.pages.own import own_listing, seller_only


@seller_only
@require_safe
def show(request: HttpRequest, seller: Seller, slug: str) -> HttpResponse:
    """Whoever has it can sign calls to this endpoint."""
    listing = own_listing(seller, slug)
    key = upstream_signing_key(str(listing.pk)).hex()
    context = {"listing": listing, "row": row(listing), "key": key}
    return render(request, "sellers/signing_key.html", context)
