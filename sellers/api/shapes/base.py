"""What every document of the API is made of, and the one that says why something was not done."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

Shape = serializers.Serializer[Any]


def checked(shape: type[Shape], data: Any) -> dict[str, Any]:
    """What was sent, in this shape; or a refusal that names the field."""
    given = shape(data=data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


@extend_schema_field({})
class AnyJson(serializers.JSONField):
    """Any JSON value."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObject(serializers.DictField):
    """A JSON object."""


class Problem(Shape):
    """Why something was not done, and what to do."""

    error = serializers.CharField(help_text="a word for programs; it does not change")
    detail = serializers.CharField(help_text="a sentence for people")
    fix = serializers.CharField(help_text="what to do")
    field = serializers.CharField(required=False, help_text="what to change, as prices.0.dollars")
    scope = serializers.CharField(required=False, help_text="which scope the key lacks")
