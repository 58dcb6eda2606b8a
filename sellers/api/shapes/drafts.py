"""A draft as it is typed, and the looks at its endpoint."""

from __future__ import annotations

from rest_framework import serializers

from sellers.api.shapes.base import JsonObject, Shape
from sellers.models import Look

_FIELDS = (
    "by name, as they stand on the pages of the draft: texts; true or false for stream,"
    " check_output and empty_answers; `rows`, a list of parameters with name, in, type, example and"
    " about as texts and required as true or false; sample_base64 in place of sample_body for an"
    " answer that is no text; price:<network>/<token> and pay_to:<network>/<token> for each token"
    " of /networks, the token in small letters"
)


class DraftRow(Shape):
    """A draft in one line."""

    id = serializers.UUIDField()
    listing = serializers.UUIDField(allow_null=True, help_text="that it changes; null: a new one")
    title = serializers.CharField(allow_blank=True)
    upstream_url = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(help_text="raised by every change")
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    page = serializers.URLField(help_text="where it is typed in a browser")


class LackOut(Shape):
    """What a draft still lacks, and on which step."""

    step = serializers.CharField()
    field = serializers.CharField(allow_blank=True)
    detail = serializers.CharField()


class SecretName(Shape):
    """A secret header; its value is never shown."""

    name = serializers.CharField()
    kept = serializers.BooleanField(help_text="there is a value that this host may get")


class DraftWhole(DraftRow):
    """A draft with everything typed so far."""

    typed = JsonObject(help_text=_FIELDS)
    secret_headers = SecretName(many=True)
    lacks = LackOut(many=True, help_text="the first of each step; none: it can be submitted")


class DraftNew(Shape):
    """What is typed already."""

    typed = JsonObject(required=False, default=dict, help_text=_FIELDS)


class DraftChange(Shape):
    """What is typed now, in some fields, and the version it was read in."""

    version = serializers.IntegerField(min_value=1, help_text="the version you read")
    typed = JsonObject(help_text=_FIELDS)


class DraftSecret(Shape):
    """A secret header's value; null leaves the header out."""

    name = serializers.CharField(max_length=200)
    value = serializers.CharField(trim_whitespace=False, allow_null=True)


class LookStep(Shape):
    """One thing that was looked at, and what to do when it went badly."""

    name = serializers.CharField()
    good = serializers.BooleanField()
    said = serializers.CharField(allow_blank=True)
    fix = serializers.CharField(allow_blank=True)
    ms = serializers.IntegerField(allow_null=True)


class LookOut(Shape):
    """A look at the endpoint of a draft: a job, until its state is good or bad."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(Look.State.choices)
    method = serializers.CharField()
    url = serializers.CharField()
    steps = LookStep(many=True)
    sample = JsonObject(allow_null=True, help_text="the answer that came, its body in base64")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
