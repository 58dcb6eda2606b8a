"""Long lists in pages: newest first, and the next page begins where this one ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from payments.serving.paging import page_in
from payments.wiring.site import public_url
from sellers.refusals import bad

SIZE = 50
SIZE_MAX = 200
Row = TypeVar("Row", bound=Model)


def paged(request: Request, found: QuerySet[Row], show: Callable[[Row], Any]) -> Response:
    """One page of rows whose ids are made in the order of time, and the address of the next."""
    size = size_of(request)
    before = request.query_params.get("before", "")
    page = page_in(found, size, older_than=id_of(before) if before else None)
    following = next_address(request, page.older) if page.older else None
    return Response({"items": [show(row) for row in page.rows], "next": following})


def next_address(request: Request, last: UUID) -> str:
    """Where the page after this row is."""
    query = {**request.query_params.dict(), "before": str(last)}
    return public_url(f"{request.path}?{urlencode(query)}")


def size_of(request: Request, usual: int = SIZE) -> int:
    """How many rows a page shall have."""
    text = request.query_params.get("limit", "")
    if not text:
        return usual
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= SIZE_MAX:
        raise bad("limit", f"1 to {SIZE_MAX}")
    return int(text)


def id_of(text: str, field: str = "before") -> UUID:
    """An id from a query, or a refusal."""
    try:
        return UUID(text)
    except ValueError:
        raise bad(field, "an id, as this API names them") from None
