"""An OpenAPI document over the API: what is in it, and drafts of what is chosen."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.wiring import public_url
from sellers import imports, worksheets
from sellers.api import shapes
from sellers.api.access import endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.schema import REPEATABLE, says
from sellers.imports import Operation
from sellers.refusals import bad
from sellers.site import this_site


@extend_schema(
    operation_id="read_document",
    summary="Read an OpenAPI document",
    description="Names every operation, with the terms that it makes: add prices, a slug and,"
    " where it is missing, a sample, and send them to /listings. Nothing is created.",
    request=shapes.DocumentIn,
    responses=says(shapes.OperationsOut),
)
@endpoint(POST="listings:write")
def read(request: Request) -> Response:
    """What a document offers."""
    found = _operations(shapes.checked(shapes.DocumentIn, request.data))
    return Response({"operations": [_operation(each) for each in found]})


@extend_schema(
    operation_id="import_document",
    summary="Make drafts of operations, to be finished on their pages",
    parameters=[REPEATABLE],
    request=shapes.ImportIn,
    responses=says(shapes.DraftsOut, 201),
)
@endpoint(POST="listings:write")
def drafts(request: Request) -> Response:
    """A draft of each operation that was chosen."""
    said = shapes.checked(shapes.ImportIn, request.data)
    found = {each.key: each for each in _operations(said)}
    for at, name in enumerate(said["operations"]):
        if name not in found:
            raise bad(f"operations.{at}", "the document has no such operation")

    def create() -> dict[str, Any]:
        made = []
        for name in dict.fromkeys(said["operations"]):
            sheet = worksheets.start(seller_of_key(request), imports.typed_of(found[name]))
            page = public_url(f"/sell/drafts/{sheet.pk}/")
            made.append({"operation": name, "draft": str(sheet.pk), "page": page})
        return {"drafts": made}

    return created(request, create)


def _operations(said: dict[str, Any]) -> list[Operation]:
    document, url = said.get("document", ""), said.get("url", "")
    if bool(document) == bool(url):
        raise bad("document", "give document or url, one of the two")
    text = document or imports.fetched(url, this_site())
    return imports.operations(text, base_url=said["base_url"] or url)


def _operation(found: Operation) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "upstream_url": found.upstream_url,
        "method": found.method,
        "title": found.title,
        "description": found.description,
        "tags": list(found.tags),
        "example": found.example,
        "input_schema": found.input_schema,
        "output_schema": found.output_schema,
        "forward_headers": list(found.headers),
    }
    if found.answer is not None:
        terms["sample"] = {"content_type": found.answer_type, "json": found.answer}
    return {"operation": found.key, "terms": terms}
