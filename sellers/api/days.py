"""Which days, which listing and which network are asked about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from payments.reports.looks import FIRST_DAY, Look, Span, nearest_day, read_day
from payments.x402.networks import NETWORKS
from sellers.api.documents import own_listing
from sellers.api.pages import id_of
from sellers.models import Seller
from sellers.refusals import bad

DAYS = 30
STEPS = ("day", "week", "month")
WHICH = [
    OpenApiParameter("first", OpenApiTypes.DATE, description="the first day, UTC, from 2020-01-01"),
    OpenApiParameter(
        "last", OpenApiTypes.DATE, description="the last day, today by default, at most tomorrow"
    ),
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
    listing, network = (request.query_params.get(each, "") for each in ("listing", "network"))
    if network and network not in NETWORKS:
        raise bad("network", "a network as GET /api/sell/networks names it, such as eip155:8453")
    return Look(
        seller.pk,
        Span(first, last, step),
        own_listing(seller, id_of(listing, "listing")).pk if listing else None,
        network,
    )


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    day = read_day(text)
    if day is None:
        raise bad(name, "a day, such as 2026-11-28")
    if day != nearest_day(day):
        raise bad(name, f"a day from {FIRST_DAY} to tomorrow")
    return day
