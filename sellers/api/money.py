"""Money over the API: the wallets a seller may be paid into, what was earned, and every payment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.reports.earnings import Look, Span, Sums, overview
from payments.reports.one_payment import PaymentReport, payment_report
from payments.reports.sales import Sale, Wanted, is_sold_by, sales
from payments.wiring import public_url
from sellers import payouts
from sellers.api import shapes
from sellers.api.access import endpoint, seller_of_key
from sellers.api.pages import SIZE, id_of, next_address, size_of
from sellers.api.schema import BEFORE, LIMIT, page_of, says
from sellers.models import Listing, Payout, Price, Seller
from sellers.refusals import bad

DAYS = 30
FIRST = OpenApiParameter("first", OpenApiTypes.DATE, description="the first day, UTC")
LAST = OpenApiParameter("last", OpenApiTypes.DATE, description="the last day, today by default")
LISTING = OpenApiParameter("listing", OpenApiTypes.UUID, description="of this listing alone")
NETWORK = OpenApiParameter("network", OpenApiTypes.STR, description="on this network alone")


@extend_schema(
    operation_id="payouts",
    summary="The wallets you may be paid into, and what pays into each",
    responses=says(page_of(shapes.PayoutOut)),
)
@endpoint(GET="money:read")
def wallets(request: Request) -> Response:
    """Every wallet that was shown to be the seller's; new ones are proven on the page."""
    seller = seller_of_key(request)
    paying = _paying(seller)
    items = [_payout(each, paying) for each in payouts.standing(seller)]
    return Response({"items": items, "next": None})


@extend_schema(
    operation_id="earnings",
    summary="What was earned in these days, by token",
    parameters=[FIRST, LAST, LISTING, NETWORK],
    responses=says(shapes.EarningsOut),
)
@endpoint(GET="money:read")
def earnings(request: Request) -> Response:
    """Sums by token, and the way from quotes to money."""
    seller = seller_of_key(request)
    look = _look(request, seller)
    own = list(Listing.objects.filter(seller=seller).values_list("pk", flat=True))
    seen = overview(look, own)
    return Response(
        {
            "first": look.span.first.isoformat(),
            "last": look.span.last.isoformat(),
            "tokens": [_sums(each) for each in seen.tokens],
            "quoted": seen.funnel.quoted,
            "paid": seen.funnel.paid,
            "answered": seen.funnel.answered,
            "settled": seen.funnel.settled,
            "unanswered": dict(seen.funnel.unanswered),
            "uncollected": dict(seen.funnel.uncollected),
        }
    )


@extend_schema(
    operation_id="payments",
    summary="Every payment of these days, newest first",
    parameters=[FIRST, LAST, LISTING, NETWORK, BEFORE, LIMIT],
    responses=says(page_of(shapes.SaleOut)),
)
@endpoint(GET="money:read")
def payments(request: Request) -> Response:
    """Payments one by one."""
    before = request.query_params.get("before", "")
    wanted = Wanted(
        _look(request, seller_of_key(request)), older_than=id_of(before) if before else None
    )
    page = sales(wanted, most=size_of(request, SIZE))
    following = next_address(request, page.sales[-1].id) if page.has_older else None
    return Response({"items": [_sale(each) for each in page.sales], "next": following})


@extend_schema(
    operation_id="payment",
    summary="One payment with every step it took",
    responses=says(shapes.SaleWhole),
)
@endpoint(GET="money:read")
def payment(request: Request, payment_id: UUID) -> Response:
    """A payment of the seller's."""
    seller = seller_of_key(request)
    report = payment_report(payment_id) if is_sold_by(seller.pk, payment_id) else None
    if report is None:
        raise Http404
    return Response(_whole(report))


def _look(request: Request, seller: Seller) -> Look:
    last = _day(request, "last") or datetime.now(UTC).date()
    first = _day(request, "first") or last - timedelta(days=DAYS - 1)
    if first > last:
        raise bad("first", "not after the last day")
    listing = request.query_params.get("listing", "")
    return Look(
        seller.pk,
        Span(first, last),
        id_of(listing, "listing") if listing else None,
        request.query_params.get("network", ""),
    )


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise bad(name, "a day, such as 2026-11-28") from None


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
        if address == payout.address and payout.network in ("", network)
        for slug in listed
    }
    return {
        "pay_to": payout.address,
        "network": payout.network,
        "proven_at": payout.proven_at,
        "listings": sorted(slugs),
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "network": sums.network,
        "asset": sums.asset,
        "sales": sums.sales,
        "refunds_due": sums.refunds,
        **{
            f"{name}_atomic": str(amount.atomic)
            for name, amount in (
                ("gross", sums.gross),
                ("confirmed", sums.confirmed),
                ("pending", sums.pending),
                ("refund_due", sums.refund_due),
                ("uncollected", sums.uncollected),
            )
        },
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
        "url": public_url(f"/p/{sale.id}"),
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
        "transaction": "0x" + report.transaction.hex() if report.transaction else "",
        "url": public_url(f"/p/{paid.pk}"),
        "steps": [
            {"at": step.at, "state": step.words.key, "words": step.words.text, "why": step.why}
            for step in report.timeline
        ],
    }
