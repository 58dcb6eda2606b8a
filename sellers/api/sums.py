"""Sums over the API: by day, week or month, by listing, and a month's statement."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.reports.earnings import by_time
from payments.reports.looks import Look
from payments.reports.sums import Sums
from sellers.api.access import endpoint, seller_of_key
from sellers.api.days import STEP, WHICH, look_of
from sellers.api.documents import stamp
from sellers.api.schema import says
from sellers.api.shapes.money import ByListingOut, ByTimeOut, StatementOut
from sellers.earnings.earnings_filters import Offering, offerings
from sellers.earnings.statements import TokenMonth, listings_of, statement_of


@extend_schema(
    operation_id="earnings_by_time",
    summary="What was earned day by day, by token",
    description="Only days, weeks or months in which something was paid for.",
    parameters=[*WHICH, STEP],
    responses=says(ByTimeOut),
)
@endpoint(GET="money:read")
def over_time(request: Request) -> Response:
    """The bars of the chart, for every token."""
    look = look_of(request, seller_of_key(request))
    items = sorted(
        ((start, sums) for token in by_time(look).values() for start, sums in token.items()),
        key=lambda row: (row[0], row[1].network, row[1].asset),
    )
    found = {"step": look.span.step, "items": [_on(*each) for each in items]}
    return Response(_days(look) | found)


@extend_schema(
    operation_id="earnings_by_listing",
    summary="What each listing earned, by token",
    parameters=WHICH,
    responses=says(ByListingOut),
)
@endpoint(GET="money:read")
def over_listings(request: Request) -> Response:
    """The listings that were paid for, those that sold most first."""
    seller = seller_of_key(request)
    look = look_of(request, seller)
    rows = listings_of(look, {each.id: each for each in offerings(seller)})
    rows.sort(key=lambda row: -row[1].sales)
    return Response(_days(look) | {"items": [_of(*each) for each in rows]})


@extend_schema(
    operation_id="statement",
    summary="A month's statement",
    description="`month` is one such as 2026-11, in UTC.",
    responses=says(StatementOut),
)
@endpoint(GET="money:read")
def statement(request: Request, month: str) -> Response:
    """What the page that prints says."""
    seller = seller_of_key(request)
    made = statement_of(seller, month)
    if made is None:
        raise Http404
    return Response(
        {
            "seller": seller.slug,
            "name": seller.name,
            "first": made.first.isoformat(),
            "last": made.last.isoformat(),
            "over": made.is_over,
            "made_at": stamp(made.made_at),
            "unique_buyers": made.unique,
            "tokens": [_token(each) for each in made.tokens],
            "listings": [_of(*each) for each in made.listings],
        }
    )


def sums_document(sums: Sums) -> dict[str, Any]:
    """One token's sums, in its smallest unit."""
    return {
        "network": sums.network,
        "asset": sums.asset,
        "sales": sums.sales,
        "refunds_due": sums.refunds,
        "refunded_payments": sums.refunded_payments,
        **{
            f"{name}_atomic": str(amount.atomic)
            for name, amount in (
                ("gross", sums.gross),
                ("confirmed", sums.confirmed),
                ("pending", sums.pending),
                ("refund_due", sums.refund_due),
                ("refunded", sums.refunded),
                ("uncollected", sums.uncollected),
            )
        },
    }


def _days(look: Look) -> dict[str, str]:
    return {"first": look.span.first.isoformat(), "last": look.span.last.isoformat()}


def _on(start: date, sums: Sums) -> dict[str, Any]:
    return {"start": start.isoformat(), **sums_document(sums)}


def _of(offering: Offering, sums: Sums) -> dict[str, Any]:
    named = {"listing": str(offering.id), "slug": offering.slug, "title": offering.title}
    return named | sums_document(sums)


def _token(month: TokenMonth) -> dict[str, Any]:
    days = [_on(*each) for each in month.days]
    return sums_document(month.sums) | {"paid_to": month.paid_to, "days": days}
