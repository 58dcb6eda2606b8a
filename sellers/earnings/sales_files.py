"""Every payment of a seller as a file, written while it is read."""

from __future__ import annotations

from django.http import HttpRequest, StreamingHttpResponse

from payments.books import sum_of
from payments.reports.sales import Sale, Wanted, all_sales
from payments.serving.spreadsheets import csv_file
from payments.written import utc
from sellers.models import Seller

COLUMNS = (
    "time", "payment", "listing", "title", "network", "token", "amount", "atomic_units", "buyer",
    "status", "cause", "transaction", "charged", "charged_atomic", "refunded", "refunded_atomic",
    "refund_transactions",
)  # fmt: skip


def sales_csv(request: HttpRequest, seller: Seller, wanted: Wanted) -> StreamingHttpResponse:
    """The payments that are wanted, a page at a time, harmless in every spreadsheet."""
    span = wanted.look.span
    name = f"{seller.slug}-{span.first}-{span.last}"
    return csv_file(request, name, COLUMNS, all_sales(wanted), cells)


def cells(sale: Sale) -> tuple[str, ...]:
    """The line of one payment, in the order of `COLUMNS`."""
    amount = sale.amount
    return (
        utc(sale.at), str(sale.id), sale.listing_path, sale.title, sale.network,
        amount.symbol or amount.asset, *sum_of(amount), sale.payer, sale.words.text,
        sale.cause, sale.transaction, *sum_of(sale.charged), *sum_of(sale.refunded),
        " ".join(sale.refund_transactions),
    )  # fmt: skip
