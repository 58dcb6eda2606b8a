"""Who paid a seller most: a part that comes after the earnings page, or a page of its own."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from payments.live.happenings import BUYERS, Topic, live_query
from payments.reports.earnings import first_sale
from payments.reports.kept_buyers import kept_buyers
from sellers.bells import ring_for_buyers
from sellers.earnings.earnings_filters import offerings, read_filters
from sellers.models import Seller
from sellers.pages.earnings import marks
from sellers.pages.own import seller_only
from sellers.pages.parts import asks_for_part, page_or_part


@seller_only
@require_safe
def who_paid(request: HttpRequest, seller: Seller) -> HttpResponse:
    """The wallets that paid; where they are many a worker counts them, and the page is told."""
    live = live_query(Topic(BUYERS, seller.pk))
    filters = read_filters(request.GET, seller, offerings(seller), first_sale(seller.pk))
    marked, kept = marks(seller), kept_buyers(filters.look)
    if kept.job is not None:
        ring_for_buyers(kept.job)
    top = kept.found.top if kept.found else []
    context = {
        "filters": filters,
        "query": filters.address(),
        "buyers": kept.found,
        "counting": kept.job is not None,
        "live": live,
        # A part of the earnings page is told over that page's stream.
        "is_alone": not asks_for_part(request) or "alone" in request.GET,
        "made_at": kept.made_at,
        "top": [(buyer, marked.get(buyer.payer, "")) for buyer in top],
    }
    page, part = "sellers/earnings/buyers.html", "sellers/earnings/_buyers.html"
    return page_or_part(request, page, part, context)
