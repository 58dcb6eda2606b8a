"""Which days, which listing and which network are asked about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from payments.reports.looks import Look, Span
from sellers.api.pages import id_of
from sellers.models import Seller
from sellers.refusals import bad

DAYS = 30
STEPS = ("day", "week", "month")
WHICH = [
    OpenApiParameter("first", OpenApiTypes.DATE, description="the first day, UTC"),
    OpenApiParameter("last", OpenApiTypes.DATE, description="the last day, today by default"),
    OpenApiParameter("listing", OpenApiTypes.UUID, description="of this listing alone"),
    OpenApiParameter("network", OpenApiTypes.STR, description="on this network alone"),
]
STEP = OpenApiParameter("step", OpenApiTypes.STR, enum=STEPS, description="day by default")


def look_of(request: Request, seller: Seller) -> Look:
    """The last thirty days, or those that are named."""
    last = _day(request, "last") or datetime.now(UTC).date()
    first = _day(request, "first") or last - timedelta(days=DAYS - 1)
    if first > last:
        raise bad("first", "not after the last day")
    step = request.query_params.get("step", "") or STEPS[0]
    if step not in STEPS:
        raise bad("step", f"one of {', '.join(STEPS)}")
    listing = request.query_params.get("listing", "")
    return Look(
        seller.pk,
        Span(first, last, step),
        id_of(listing, "listing") if listing else None,
        request.query_params.get("network", ""),
    )


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise bad(name, "a day, such as 2026-11-28") from None
