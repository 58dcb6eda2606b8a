"""An operation of somebody's document as the draft of a listing, for its seller to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.utils.text import slugify

from sellers.categories import CATEGORIES
from sellers.drafting.typed import pretty, typed_input
from sellers.models.listings import SLUG_CHARACTERS_MAX
from sellers.openapi.operations import Operation
from sellers.openapi.servers import Place, is_full

RELATIVE_SHOWN_MAX: Final = 5


def relative_servers(
    found: Sequence[Operation], base_url: str, document_url: str
) -> list[tuple[str, str]]:
    """The servers that are no full address, and what became of each: where calls go, or nothing.

    A document that names no server is one of them: its servers are at the root of its host.
    """
    place = Place(base_url.strip(), document_url.strip())
    said = dict.fromkeys(each.server for each in found if not is_full(each.server))
    whole = {server: place.whole(server) for server in list(said)[:RELATIVE_SHOWN_MAX]}
    return [(server, url if is_full(url) else "") for server, url in whole.items()]


def typed_of(operation: Operation) -> dict[str, Any]:
    """The fields of a worksheet for an operation."""
    title, whole = operation.title, operation.in_and_out
    return {
        "upstream_url": operation.upstream_url,
        "method": operation.method,
        "title": title,
        "slug": slugify(title)[:SLUG_CHARACTERS_MAX].strip("-"),
        "description": operation.description,
        "tags": ", ".join(operation.tags),
        "category": category_of(operation.tags),
        "forward_headers": ", ".join(whole.headers),
        "sample_type": whole.answer_type,
        "sample_body": pretty(whole.answer) if whole.answer is not None else "",
        "output_schema": pretty(whole.output_schema) if whole.output_schema else "",
        **typed_input(dict(whole.input_schema), whole.example, operation.upstream_url),
    }


def category_of(tags: Sequence[str]) -> str:
    """The category that one of these tags names, if any does."""
    return next((word for word in map(slugify, tags) if word in CATEGORIES), "")
