"""OpenAPI documents, and the drafts that are made of them."""

from __future__ import annotations

from rest_framework import serializers

from sellers.addresses import URL_CHARACTERS_MAX
from sellers.api.shapes.base import JsonObject, Shape
from sellers.models import Fetch

_BASE_URL = (
    "where its servers are, for a document that does not say it in full; by default one that is"
    " fetched is read from where it lies"
)
_HAS_ADDRESS = "false: the document names no full server and no base_url says where it is"


class FetchIn(Shape):
    """Where a document is."""

    url = serializers.CharField(max_length=URL_CHARACTERS_MAX)
    base_url = serializers.CharField(
        required=False, default="", allow_blank=True, help_text=_BASE_URL
    )


class FetchOut(Shape):
    """A document that is fetched."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    state = serializers.ChoiceField(Fetch.State.choices)
    why = serializers.CharField(allow_blank=True, help_text="it did not come")


class DocumentIn(Shape):
    """An OpenAPI document, 3.0 or 3.1, in JSON or YAML: its text, or one that was fetched."""

    document = serializers.CharField(required=False, trim_whitespace=False)
    fetch = serializers.UUIDField(required=False, help_text="the id of a fetched document")
    base_url = serializers.CharField(
        required=False, default="", allow_blank=True, help_text=_BASE_URL
    )


class ImportIn(DocumentIn):
    """The document, and what to take of it."""

    operations = serializers.ListField(
        child=serializers.CharField(), min_length=1, help_text="such as GET /weather"
    )


class OperationOut(Shape):
    """One operation, and the terms it makes."""

    operation = serializers.CharField()
    has_address = serializers.BooleanField(help_text=_HAS_ADDRESS)
    terms = JsonObject()


class OperationsOut(Shape):
    """Every operation of a document."""

    operations = OperationOut(many=True)


class DraftOut(Shape):
    """A draft, and the page on which it is finished."""

    operation = serializers.CharField()
    draft = serializers.UUIDField()
    page = serializers.URLField()
    has_address = serializers.BooleanField(help_text=_HAS_ADDRESS)


class DraftsOut(Shape):
    """The drafts that were made."""

    drafts = DraftOut(many=True)
