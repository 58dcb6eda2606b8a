"""Money over the API: the wallets a seller may be paid into, what was earned, and every payment."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import content_negotiation_class
from rest_framework.request import Request
from rest_framework.response import Response

from payments.reports.buyers import Buyer
from payments.reports.earnings import overview
from payments.reports.kept_buyers import kept_buyers
from payments.reports.one_payment import PaymentReport, payment_report
from payments.reports.sales import Sale, Wanted, is_sold_by, sales
from payments.reports.timeline import TimelineEntry
from payments.wiring.site import payment_url
from payments.written import hexadecimal
from sellers.api.access import Whatever, endpoint, seller_of_key
from sellers.api.days import WHICH, look_of
from sellers.api.pages import SIZE, id_of, next_address, size_of
from sellers.api.schema import BEFORE, LIMIT, file_of, page_of, says
from sellers.api.shapes.money import BuyersOut, EarningsOut, SaleOut, SaleWhole
from sellers.api.shapes.payouts import PayoutOut
from sellers.api.sums import sums_document
from sellers.bells import ring_for_buyers
from sellers.earnings.sales_files import sales_csv
from sellers.models import Listing, Payout, Price, Seller
from sellers.payouts import payouts


@extend_schema(
    operation_id="payouts",
    summary="The wallets you may be paid into, and what pays into each",
    responses=says(page_of(PayoutOut)),
)
@endpoint(GET="money:read")
def wallets(request: Request) -> Response:
    """Every wallet that was shown to be the seller's."""
    seller = seller_of_key(request)
    paying = _paying(seller)
    items = [_payout(each, paying) for each in payouts.standing(seller)]
    return Response({"items": items, "next": None})


@extend_schema(
    operation_id="earnings",
    summary="What was earned in these days, by token",
    parameters=WHICH,
    responses=says(EarningsOut),
)
@endpoint(GET="money:read")
def earnings(request: Request) -> Response:
    """Sums by token, and the way from quotes to money."""
    seller = seller_of_key(request)
    look = look_of(request, seller)
    own = list(Listing.objects.filter(seller=seller).values_list("pk", flat=True))
    seen = overview(look, own)
    return Response(
        {
            "first": look.span.first.isoformat(),
            "last": look.span.last.isoformat(),
            "tokens": [sums_document(each) for each in seen.tokens],
            "quoted": seen.funnel.quoted,
            "paid": seen.funnel.paid,
            "answered": seen.funnel.answered,
            "settled": seen.funnel.settled,
            "unanswered": dict(seen.funnel.unanswered),
            "uncollected": dict(seen.funnel.uncollected),
        }
    )


@extend_schema(
    operation_id="buyers",
    summary="How many wallets paid in these days, and those that paid most",
    parameters=WHICH,
    responses=says(BuyersOut),
)
@endpoint(GET="money:read")
def who_paid(request: Request) -> Response:
    """The wallets that paid; where they are many a worker counts them."""
    kept = kept_buyers(look_of(request, seller_of_key(request)))
    if kept.job is not None:
        ring_for_buyers(kept.job)
    top = kept.found.top if kept.found else []
    return Response(
        {
            "unique": kept.found.unique if kept.found else None,
            "top": [_buyer(each) for each in top],
            "counting": kept.job is not None,
            "made_at": kept.made_at,
        }
    )


@extend_schema(
    operation_id="payments",
    summary="Every payment of these days, newest first",
    parameters=[*WHICH, BEFORE, LIMIT],
    responses=says(page_of(SaleOut)),
)
@endpoint(GET="money:read")
def payments(request: Request) -> Response:
    """Payments one by one."""
    before = request.query_params.get("before", "")
    wanted = Wanted(
        look_of(request, seller_of_key(request)), older_than=id_of(before) if before else None
    )
    page = sales(wanted, most=size_of(request, SIZE))
    following = next_address(request, page.older) if page.older else None
    return Response({"items": [_sale(each) for each in page.rows], "next": following})


@extend_schema(
    operation_id="payments_file",
    summary="Every payment of these days as a CSV file",
    description="It is written while it is read, and harmless in every spreadsheet.",
    parameters=WHICH,
    responses=file_of("text/csv"),
)
@endpoint(GET="money:read")
@content_negotiation_class(Whatever)
def sales_file(request: Request) -> StreamingHttpResponse:
    """The file of the page, for programs."""
    seller = seller_of_key(request)
    return sales_csv(request._request, seller, Wanted(look_of(request, seller)))


@extend_schema(
    operation_id="payment",
    summary="One payment with every step it took",
    responses=says(SaleWhole),
)
@endpoint(GET="money:read")
def payment(request: Request, payment_id: UUID) -> Response:
    """A payment of the seller's."""
    seller = seller_of_key(request)
    report = payment_report(payment_id) if is_sold_by(seller.pk, payment_id) else None
    if report is None:
        raise Http404
    return Response(_whole(report))


def _paying(seller: Seller) -> dict[tuple[str, str], list[str]]:
    """Which listings are paid into which wallet on which network, as far as they are approved."""
    approved = Listing.objects.filter(seller=seller, live_revision__isnull=False)
    found: dict[tuple[str, str], list[str]] = {}
    for price in Price.objects.filter(revision__in=approved.values("live_revision")).order_by(
        "revision__listing__slug"
    ).select_related("revision__listing"):  # fmt: skip
        found.setdefault((price.pay_to, price.network), []).append(price.revision.listing.slug)
    return found


def _payout(payout: Payout, paying: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    slugs = {
        slug
        for (address, network), listed in paying.items()
        if address == payout.address and payout.counts_on(network)
        for slug in listed
    }
    return {
        "pay_to": payout.address,
        "network": payout.network,
        "proven_at": payout.proven_at,
        "listings": sorted(slugs),
    }


def _buyer(buyer: Buyer) -> dict[str, Any]:
    return {
        "payer": buyer.payer,
        "payments": buyer.payments,
        "network": buyer.amount.network,
        "asset": buyer.amount.asset,
        "amount_atomic": str(buyer.amount.atomic),
    }


def _sale(sale: Sale) -> dict[str, Any]:
    return {
        "id": str(sale.id),
        "at": sale.at,
        "listing": sale.listing_path,
        "title": sale.title,
        "payer": sale.payer,
        "network": sale.network,
        "asset": sale.amount.asset,
        "amount_atomic": str(sale.amount.atomic),
        "amount": sale.amount.text,
        "state": sale.words.key,
        "words": sale.words.text,
        "cause": sale.cause,
        "transaction": sale.transaction,
        "url": payment_url(sale.id),
    }


def _whole(report: PaymentReport) -> dict[str, Any]:
    paid = report.payment
    return {
        "id": str(paid.pk),
        "at": paid.created_at,
        "listing": paid.listing_path,
        "title": paid.title,
        "payer": paid.payer,
        "pay_to": paid.pay_to,
        "network": paid.network,
        "asset": paid.asset,
        "amount_atomic": str(int(paid.amount_atomic)),
        "state": report.words.key,
        "words": report.words.text,
        "transaction": hexadecimal(report.transaction) if report.transaction else "",
        "url": payment_url(paid.pk),
        "steps": [_step(each) for each in report.timeline],
    }


def _step(entry: TimelineEntry) -> dict[str, Any]:
    back = entry.back
    return {
        "at": entry.at,
        "state": entry.words.key,
        "words": entry.words.text,
        "why": entry.why,
        "refund_atomic": str(back.amount.atomic) if back else "",
        "refund_transaction": back.transaction if back else "",
    }
