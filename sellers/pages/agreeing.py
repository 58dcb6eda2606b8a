"""The page on which a seller accepts the marketplace's terms."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods

from sellers import agreements
from sellers.models import Seller
from sellers.pages.own import seller_only
from sellers.site import terms_date


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def terms(request: HttpRequest, seller: Seller) -> HttpResponse:
    """What was accepted and when, and the way to accept what is new."""
    if request.method == "POST":
        if agreements.agree(seller, parse_date(request.POST.get("terms", "")) or terms_date()):
            messages.success(request, "Accepted. You can propose listings and changes.")
        else:
            messages.error(request, "The terms were changed meanwhile. Read them once more.")
        return redirect("sell-terms")
    context = {
        "terms_date": terms_date(),
        "agreement": agreements.agreement_of(seller),
        "earlier": seller.agreements.exclude(terms=terms_date()).order_by("-terms"),
    }
    return render(request, "sellers/terms.html", context)
