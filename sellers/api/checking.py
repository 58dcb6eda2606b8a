"""What graders will see, over the API: read it, have it asked now, submit what passes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers.api.access import acting, endpoint, seller_of_key
from sellers.api.documents import listing_document, own_listing, stamp
from sellers.api.schema import says
from sellers.api.shapes.checking import ChecklistOut
from sellers.api.shapes.listings import ListingWhole
from sellers.api.sheets import lacking, own_sheet
from sellers.grading import verified
from sellers.grading.checks import Check, preflight
from sellers.models import Listing
from sellers.refusals import ListingRefused, Why
from sellers.reviews import submitting
from sellers.site import this_site, verify_limits


@extend_schema(
    methods=["GET"],
    operation_id="draft_checklist",
    summary="What graders will see of a draft, by its terms",
    responses=says(ChecklistOut),
)
@extend_schema(
    methods=["POST"],
    operation_id="check_draft",
    summary="Have a draft asked now, as graders will ask",
    description="A preview of it that nobody can pay is asked over HTTP and MCP.",
    request=None,
    responses=says(ChecklistOut),
)
@endpoint(GET="listings:read", POST="listings:write")
def of_draft(request: Request, worksheet_id: UUID) -> Response:
    """The checklist, once the draft lacks nothing."""
    sheet, site = own_sheet(seller_of_key(request), worksheet_id), this_site()
    if lacks := lacking(sheet, site):
        return Response({**_checklist([]), "valid": False, "lacks": lacks})
    if request.method != "POST":
        return Response(_checklist(submitting.by_terms(sheet, site)))
    asked_at = timezone.now() if verify_limits().asks_itself else None
    return Response(_checklist(submitting.of_draft(sheet, site), asked_at))


@extend_schema(
    operation_id="submit_draft",
    summary="Submit a draft for review",
    description="It is asked as graders will ask first; a required check that fails is named, and"
    " then nothing is submitted. The draft becomes the listing, or its proposal.",
    request=None,
    responses=says(ListingWhole),
)
@endpoint(POST="listings:write")
def submit(request: Request, worksheet_id: UUID) -> Response:
    """Ask for the review."""
    seller, site = seller_of_key(request), this_site()
    sheet = own_sheet(seller, worksheet_id)
    listing = submitting.submit_checked(
        sheet, submitting.of_draft(sheet, site), site, by=acting(request)
    )
    return Response(listing_document(own_listing(seller, listing.pk), site, whole=True))


@extend_schema(
    methods=["GET"],
    operation_id="checklist",
    summary="What was last seen of a listing",
    responses=says(ChecklistOut),
)
@extend_schema(
    methods=["POST"],
    operation_id="check_listing",
    summary="Have a live listing asked now, as graders ask",
    description="What was seen in the last minutes is answered again.",
    request=None,
    responses=says(ChecklistOut),
)
@endpoint(GET="listings:read", POST="listings:write")
def of_listing(request: Request, listing_id: UUID) -> Response:
    """The checklist of what is sold."""
    listing = own_listing(seller_of_key(request), listing_id)
    if request.method == "POST":
        if listing.state != Listing.State.LIVE:
            raise ListingRefused(Why.WRONG_STATE, "only a live listing is asked")
        verified.validate(listing.path)
    known = verified.report(listing)
    if known is None or known.valid is None:
        return Response({**_checklist([]), "valid": None})
    seen = [Check.from_json(each) for each in known.checks]
    return Response(_checklist(seen, known.verified_at))


def _checklist(checks: Sequence[Check], asked_at: datetime | None = None) -> dict[str, Any]:
    return {**preflight(checks), "verified_at": stamp(asked_at), "lacks": []}
