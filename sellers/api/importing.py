"""An OpenAPI document over the API: what is in it, and drafts of what is chosen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.wiring.site import public_url
from sellers.api.access import endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.schema import REPEATABLE, says
from sellers.api.shapes.base import checked
from sellers.api.shapes.importing import (
    DocumentIn,
    DraftsOut,
    FetchIn,
    FetchOut,
    ImportIn,
    OperationsOut,
)
from sellers.bells import ring_for_document
from sellers.drafting import fetches, imports, readings, worksheets
from sellers.models import Fetch, Seller
from sellers.openapi.operations import Operation, operations
from sellers.refusals import bad
from sellers.site import this_site


@extend_schema(
    operation_id="read_document",
    summary="Read an OpenAPI document",
    description="Names every operation, with the terms that it makes: add prices, a slug and,"
    " where it is missing, a sample, and send them to /listings. Nothing is created.",
    request=DocumentIn,
    responses=says(OperationsOut),
)
@endpoint(POST="listings:write")
def read(request: Request) -> Response:
    """What a document offers."""
    found = _operations(seller_of_key(request), checked(DocumentIn, request.data))
    return Response({"operations": [_operation(each) for each in found]})


@extend_schema(
    operation_id="import_document",
    summary="Make drafts of operations, to be finished on their pages",
    parameters=[REPEATABLE],
    request=ImportIn,
    responses=says(DraftsOut, 201),
)
@endpoint(POST="listings:write")
def drafts(request: Request) -> Response:
    """A draft of each operation that was chosen."""
    said = checked(ImportIn, request.data)
    found = {each.key: each for each in _operations(seller_of_key(request), said)}
    for at, name in enumerate(said["operations"]):
        if name not in found:
            raise bad(f"operations.{at}", "the document has no such operation")

    def create() -> dict[str, Any]:
        names = list(dict.fromkeys(said["operations"]))
        chosen = [imports.typed_of(found[name]) for name in names]
        made = []
        sheets = worksheets.start_all(seller_of_key(request), chosen)
        for name, sheet in zip(names, sheets, strict=True):
            page = public_url(f"/sell/drafts/{sheet.pk}/")
            line = {"operation": name, "draft": str(sheet.pk), "page": page}
            made.append(line | {"has_address": found[name].has_address})
        return {"drafts": made}

    return created(request, create)


@extend_schema(
    operation_id="fetch_document",
    summary="Have a document fetched from its address",
    description="A worker fetches it; ask for it until its state is good or bad, then give its id"
    " as `fetch` where a document is read. It is kept for a day.",
    request=FetchIn,
    responses=says(FetchOut, 202),
)
@endpoint(POST="listings:write")
def fetch(request: Request) -> Response:
    """Ask for a document."""
    said = checked(FetchIn, request.data)
    job = fetches.ask(seller_of_key(request), said["url"], said["base_url"], this_site())
    transaction.on_commit(lambda: ring_for_document(job.pk))
    return Response(_fetch(job), status=202)


@extend_schema(
    operation_id="fetched_document",
    summary="How far the fetching of a document has come",
    responses=says(FetchOut),
)
@endpoint(GET="listings:read")
def fetched(request: Request, fetch_id: UUID) -> Response:
    """One of the seller's own."""
    job = fetches.of(seller_of_key(request), fetch_id)
    if job is None:
        raise Http404
    return Response(_fetch(job))


def _operations(seller: Seller, said: dict[str, Any]) -> list[Operation]:
    document, fetch = said.get("document", ""), said.get("fetch")
    if bool(document) == bool(fetch):
        raise bad("document", "give document or fetch, one of the two")
    if document:
        with readings.turn(seller, this_site()):
            return operations(document, base_url=said["base_url"])
    job = fetches.of(seller, fetch) if fetch else None
    if job is None or job.state != fetches.State.GOOD or not job.text:
        raise bad("fetch", "the id of a document that was fetched; ask /import/fetch for it")
    base_url = said["base_url"] or job.base_url
    with readings.turn(seller, this_site()):
        return operations(job.text, base_url=base_url, document_url=job.url)


def _fetch(job: Fetch) -> dict[str, Any]:
    return {"id": str(job.pk), "url": job.url, "state": job.state, "why": job.why}


def _operation(found: Operation) -> dict[str, Any]:
    whole = found.in_and_out
    terms: dict[str, Any] = {
        "upstream_url": found.upstream_url,
        "method": found.method,
        "title": found.title,
        "description": found.description,
        "tags": list(found.tags),
        "category": imports.category_of(found.tags),
        "example": whole.example,
        "input_schema": whole.input_schema,
        "output_schema": whole.output_schema,
        "forward_headers": list(whole.headers),
    }
    if whole.answer is not None:
        terms["sample"] = {"content_type": whole.answer_type, "json": whole.answer}
    return {"operation": found.key, "has_address": found.has_address, "terms": terms}
