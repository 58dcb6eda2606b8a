"""Drafts over the API: what the steps of the wizard save, in the same sheets, by the same rules."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers.api.access import endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.documents import own_listing, stamp
from sellers.api.pages import paged
from sellers.api.schema import BEFORE, LIMIT, REPEATABLE, page_of, says
from sellers.api.shapes.base import checked
from sellers.api.shapes.drafts import (
    DraftChange,
    DraftNew,
    DraftRow,
    DraftSecret,
    DraftWhole,
    LookOut,
)
from sellers.api.sheets import draft_document, draft_row, own_sheet
from sellers.bells import ring_for_look
from sellers.drafting import draft_fields, worksheets
from sellers.models import Look
from sellers.refusals import ListingRefused, Why
from sellers.secrets import Vault
from sellers.site import this_site
from sellers.upstreams import looks


@extend_schema(
    methods=["GET"],
    operation_id="drafts",
    summary="Your unfinished drafts, newest first",
    parameters=[BEFORE, LIMIT],
    responses=says(page_of(DraftRow)),
)
@extend_schema(
    methods=["POST"],
    operation_id="start_draft",
    summary="Start a draft that is filled in bit by bit",
    description="Whoever has everything at hand sends it to /listings at once.",
    parameters=[REPEATABLE],
    request=DraftNew,
    responses=says(DraftWhole, 201),
)
@endpoint(GET="listings:read", POST="listings:write")
def index(request: Request) -> Response:
    """What is not finished yet, or something new."""
    seller, site = seller_of_key(request), this_site()
    if request.method != "POST":
        return paged(request, seller.worksheets.all(), draft_row)
    said = checked(DraftNew, request.data)
    typed = draft_fields.read(said["typed"], seller, site)
    return created(request, lambda: draft_document(draft_fields.start(seller, typed), site))


@extend_schema(
    methods=["GET"],
    operation_id="draft",
    summary="A draft with everything typed, and what it lacks",
    responses=says(DraftWhole),
)
@extend_schema(
    methods=["PATCH"],
    operation_id="change_draft",
    summary="Type into some fields of a draft",
    description="Nothing is refused for being unfinished: `lacks` says what is. A field that was"
    " changed by somebody else since the version you read is not overwritten: 409. What was read"
    " may be sent back as it is.",
    request=DraftChange,
    responses=says(DraftWhole),
)
@extend_schema(
    methods=["DELETE"],
    operation_id="discard_draft",
    summary="Throw a draft away",
    description="A listing that it would have changed stays as it is.",
    responses=says(None, 204),
)
@endpoint(GET="listings:read", PATCH="listings:write", DELETE="listings:write")
def one(request: Request, worksheet_id: UUID) -> Response:
    """Read a draft, type into it, throw it away."""
    seller, site = seller_of_key(request), this_site()
    sheet = own_sheet(seller, worksheet_id)
    if request.method == "DELETE":
        worksheets.discard(sheet)
        return Response(status=204)
    if request.method == "PATCH":
        said = checked(DraftChange, request.data)
        before = draft_fields.shown(sheet.typed, site)
        typed = draft_fields.read(said["typed"], seller, site, before)
        # A tab of its own each time: two programs must not overwrite each other unseen.
        tab = secrets.token_hex(8)
        saved = draft_fields.keep(sheet, typed, version=said["version"], tab=tab)
        for name in saved.conflicts:
            raise ListingRefused(
                Why.CHANGED_MEANWHILE, "somebody else changed this field", f"typed.{name}"
            )
        sheet = saved.worksheet
    return Response(draft_document(sheet, site))


@extend_schema(
    operation_id="draft_secret",
    summary="Give a secret header its value, or leave it out",
    description="For the endpoint's host as it stands in the draft; another host gets none.",
    request=DraftSecret,
    responses=says(DraftWhole),
)
@endpoint(POST="listings:write")
def secret(request: Request, worksheet_id: UUID) -> Response:
    """A header that only the endpoint gets to see."""
    seller, site = seller_of_key(request), this_site()
    sheet = own_sheet(seller, worksheet_id)
    said = checked(DraftSecret, request.data)
    if said["value"] is None:
        worksheets.drop_secret(sheet, said["name"].strip().lower())
    else:
        worksheets.keep_secret(sheet, said["name"], said["value"], Vault(site.secrets_keys))
    return Response(draft_document(own_sheet(seller, worksheet_id), site))


@extend_schema(
    methods=["GET"],
    operation_id="looks",
    summary="The last looks at a draft's endpoint, newest first",
    responses=says(page_of(LookOut)),
)
@extend_schema(
    methods=["POST"],
    operation_id="look",
    summary="Have the endpoint of a draft looked at, live",
    description="A worker calls it with the example; ask for the looks until the state of this one"
    " is good or bad. A good answer fills in the sample where none was typed. A look that is still"
    " on its way is answered again.",
    request=None,
    responses=says(LookOut, 202),
)
@endpoint(GET="listings:read", POST="listings:write")
def look(request: Request, worksheet_id: UUID) -> Response:
    """Whether the endpoint answers, step by step."""
    sheet = own_sheet(seller_of_key(request), worksheet_id)
    if request.method == "POST":
        job = looks.ask(sheet, this_site())
        transaction.on_commit(lambda: ring_for_look(job.pk))
        return Response(_look(job), status=202)
    return Response({"items": [_look(each) for each in looks.last(sheet)], "next": None})


@extend_schema(
    operation_id="edit_listing",
    summary="Change a listing on a draft",
    description="It starts with what is proposed or sold now; what is live goes on selling. A draft"
    " that changes the listing already is answered again.",
    request=None,
    responses=says(DraftWhole),
)
@endpoint(POST="listings:write")
def edit(request: Request, listing_id: UUID) -> Response:
    """The draft on which a listing is changed."""
    listing, site = own_listing(seller_of_key(request), listing_id), this_site()
    return Response(draft_document(worksheets.edit(listing, site), site))


def _look(job: Look) -> dict[str, Any]:
    return {
        "id": str(job.pk),
        "state": job.state,
        "method": job.asked["method"],
        "url": job.asked["url"],
        "steps": job.steps,
        "sample": job.sample,
        "created_at": stamp(job.created_at),
        "ended_at": stamp(job.ended_at),
    }
