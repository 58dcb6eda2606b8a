"""Earnings to take along: every payment as a file, and a month on paper."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from payments.documents import utc
from payments.reports.buyers import buyers
from payments.reports.earnings import Look, Span, by_listing, by_time, first_sale, overview
from payments.reports.sales import Sale, all_sales
from payments.x402.networks import NETWORKS
from sellers.earnings_filters import offerings, read_filters
from sellers.models import Price, Seller
from sellers.pages.own import seller_only

COLUMNS = (
    "time", "payment", "listing", "title", "network", "token", "amount", "atomic_units", "buyer",
    "status", "cause", "transaction",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula, and formulas can send the sheet away.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@seller_only
@require_safe
def sales_file(request: HttpRequest, seller: Seller) -> StreamingHttpResponse:
    """Every payment that the page's filters let through, a page at a time as it is read."""
    filters = read_filters(request.GET, seller, offerings(seller), first_sale(seller.pk))
    pages = all_sales(filters.wanted)
    rows = _streamed(pages) if isinstance(request, ASGIRequest) else _at_once(pages)
    response = StreamingHttpResponse(rows, content_type="text/csv")
    name = f"{seller.slug}-{filters.span.first}-{filters.span.last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _streamed(pages: Iterator[list[Sale]]) -> AsyncIterator[bytes]:
    yield _lines([COLUMNS])
    while page := await sync_to_async(_next)(pages):
        yield _lines(_row(sale) for sale in page)


def _at_once(pages: Iterator[list[Sale]]) -> Iterator[bytes]:
    """The same where the server serves a request with a thread."""
    yield _lines([COLUMNS])
    for page in pages:
        yield _lines(_row(sale) for sale in page)


def _next(pages: Iterator[list[Sale]]) -> list[Sale]:
    """The next page; the connection is not kept while a slow reader takes it."""
    try:
        return next(pages, [])
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _row(sale: Sale) -> tuple[str, ...]:
    amount = sale.amount
    decimal = amount.text.partition(" ")[0] if amount.decimals is not None else ""
    return (
        utc(sale.at), str(sale.id), sale.listing_path, sale.title, sale.network,
        amount.symbol or amount.asset, decimal, str(amount.atomic), sale.payer, sale.words.text,
        sale.cause, sale.transaction,
    )  # fmt: skip


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


@seller_only
@require_safe
def statement(request: HttpRequest, seller: Seller, month: str) -> HttpResponse:
    """One month on a page that prints."""
    first = _first_day(month)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    look = Look(seller.pk, Span(first, last))
    names = {each.id: each for each in offerings(seller)}
    seen = overview(look, list(names))
    days = by_time(look)
    context = {
        "seller": seller,
        "first": first,
        "last": last,
        "is_over": last < datetime.now(UTC).date(),
        "made_at": timezone.now(),
        "tokens": [
            {
                "sums": each,
                "network": NETWORKS.get(each.network),
                "days": sorted(days.get((each.network, each.asset), {}).items()),
                "paid_to": _payouts(seller, each.network),
            }
            for each in seen.tokens
        ],
        "listings": _by_listing(look, names),
        "unique": buyers(look, most=1).unique,
        "months": _months(seller, first),
    }
    return render(request, "sellers/earnings/statement.html", context)


def _first_day(month: str) -> date:
    try:
        first = datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        raise Http404 from None
    if f"{first:%Y-%m}" != month:
        raise Http404
    return first


def _by_listing(look: Look, names: dict[Any, Any]) -> list[tuple[str, Any]]:
    rows = [
        (names[key].title, sums)
        for key, tokens in by_listing(look).items()
        if key in names
        for sums in tokens
    ]
    return sorted(rows, key=lambda row: row[0].lower())


def _payouts(seller: Seller, network: str) -> list[str]:
    mine = Price.objects.filter(revision__listing__seller=seller, network=network)
    return sorted(mine.values_list("pay_to", flat=True).distinct())


def _months(seller: Seller, shown: date) -> dict[str, str]:
    """The months before and after, as far as anything was sold."""
    start, today = first_sale(seller.pk), datetime.now(UTC).date()
    before, after = shown - timedelta(days=1), (shown + timedelta(days=32)).replace(day=1)
    return {
        "before": f"{before:%Y-%m}" if start and before >= start else "",
        "after": f"{after:%Y-%m}" if after <= today else "",
    }
