"""An operation of somebody's document as the draft of a listing, for its seller to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.text import slugify

from sellers.categories import CATEGORIES
from sellers.models import SLUG_CHARACTERS_MAX
from sellers.openapi.operations import Operation
from sellers.typed import pretty, typed_input


def typed_of(operation: Operation) -> dict[str, Any]:
    """The fields of a worksheet for an operation."""
    title = operation.title
    return {
        "upstream_url": operation.upstream_url,
        "method": operation.method,
        "title": title,
        "slug": slugify(title)[:SLUG_CHARACTERS_MAX].strip("-"),
        "description": operation.description,
        "tags": ", ".join(operation.tags),
        "category": category_of(operation.tags),
        "forward_headers": ", ".join(operation.headers),
        "sample_type": operation.answer_type,
        "sample_body": pretty(operation.answer) if operation.answer is not None else "",
        "output_schema": pretty(operation.output_schema) if operation.output_schema else "",
        **typed_input(dict(operation.input_schema), operation.example),
    }


def category_of(tags: Sequence[str]) -> str:
    """The category that one of these tags names, if any does."""
    return next((word for word in map(slugify, tags) if word in CATEGORIES), "")
