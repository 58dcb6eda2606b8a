"""Earnings to take along: every payment as a file, and a month on paper."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from payments.reports.earnings import first_sale
from sellers.earnings.earnings_filters import offerings, read_filters
from sellers.earnings.sales_files import sales_csv
from sellers.earnings.statements import statement_of
from sellers.models import Seller
from sellers.pages.own import seller_only


@seller_only
@require_safe
def sales_file(request: HttpRequest, seller: Seller) -> StreamingHttpResponse:
    """Every payment that the page's filters let through, a page at a time as it is read."""
    filters = read_filters(request.GET, seller, offerings(seller), first_sale(seller.pk))
    return sales_csv(request, seller, filters.wanted())


@seller_only
@require_safe
def statement(request: HttpRequest, seller: Seller, month: str) -> HttpResponse:
    """One month on a page that prints."""
    made = statement_of(seller, month)
    if made is None:
        raise Http404
    context = {
        "seller": seller,
        "statement": made,
        "tokens": made.tokens,
        "months": _months(seller, made.first),
    }
    return render(request, "sellers/earnings/statement.html", context)


def _months(seller: Seller, shown: date) -> dict[str, str]:
    """The months before and after, as far as anything was sold."""
    start, today = first_sale(seller.pk), datetime.now(UTC).date()
    before, after = shown - timedelta(days=1), (shown + timedelta(days=32)).replace(day=1)
    return {
        "before": f"{before:%Y-%m}" if start and before >= start else "",
        "after": f"{after:%Y-%m}" if after <= today else "",
    }
