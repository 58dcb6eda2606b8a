"""The API as an OpenAPI 3.1 document, made of the views themselves."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from sellers.api.shapes.base import Problem, Shape

ROOT = "api/sell/"
BEFORE = OpenApiParameter(
    "before", OpenApiTypes.UUID, description="where the page before ended; `next` has it"
)
LIMIT = OpenApiParameter("limit", OpenApiTypes.INT, description="rows of a page, 50 by default")
REPEATABLE = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Any name of your choice, good for a day: the same request with the same name is"
    " done once, and answered alike each time.",
)
_REFUSALS = {
    401: "no key that opens this was shown",
    403: "the key lacks a scope, which is named",
    404: "nothing of yours is there",
    409: "not in this state",
    422: "a field is to be changed, which is named",
    429: "too many calls in a minute, or documents in an hour",
}


def says(shape: type[Shape] | Shape | None, status: int = 200) -> dict[int, Any]:
    """What an address answers: this when it is done, and one shape when it is not."""
    return {status: shape, **_refusals()}


def file_of(media_type: str) -> dict[Any, Any]:
    """A file when it is done, and the one shape of refusals when it is not."""
    return {(200, media_type): OpenApiTypes.STR, **_refusals()}


def page_of(shape: type[Shape]) -> Shape:
    """One page of a list, and the address of the next."""
    fields = {
        "items": shape(many=True),
        "next": serializers.URLField(allow_null=True, help_text="null on the last page"),
    }
    return inline_serializer(f"PageOf{shape.__name__}", fields)


@cache
def document() -> dict[str, Any]:
    """The document; it says nothing about who asks."""
    from sellers.api import urls  # the views are decorated with this module

    generator = SchemaGenerator(patterns=[path(ROOT, include(urls.urlpatterns))])  # type: ignore[no-untyped-call]
    return dict(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def _refusals() -> dict[int, Any]:
    return {code: OpenApiResponse(Problem, why) for code, why in _REFUSALS.items()}
