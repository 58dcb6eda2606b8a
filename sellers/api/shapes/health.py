"""How a listing is, and how that is known."""

from __future__ import annotations

from rest_framework import serializers

from sellers.addresses import URL_CHARACTERS_MAX
from sellers.api.shapes.base import Shape
from sellers.models import Health


class HealthIn(Shape):
    """How a listing's health is to be known."""

    way = serializers.ChoiceField(Health.Way.choices)
    url = serializers.CharField(
        max_length=URL_CHARACTERS_MAX, required=False, default="", allow_blank=True
    )


class BreakerOut(Shape):
    """An open breaker: the listing is not sold, because its endpoint fails."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField(help_text="then one call at a time tries the endpoint")
    failures = serializers.IntegerField(help_text="of buyers' calls, in a row")
    why = serializers.CharField()


class HealthOut(Shape):
    """How a listing is, and how that is known."""

    way = serializers.ChoiceField(Health.Way.choices)
    url = serializers.CharField(allow_blank=True)
    failures = serializers.IntegerField(help_text="in a row")
    failures_max = serializers.IntegerField(help_text="at so many it is paused")
    breaker = BreakerOut(allow_null=True, help_text="null while it is closed")
    drift = serializers.CharField(
        allow_blank=True, help_text="how the last answers differ from the output schema"
    )
    drift_since = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    well_at = serializers.DateTimeField(allow_null=True)
    paused_at = serializers.DateTimeField(allow_null=True)
    paused_why = serializers.CharField(allow_blank=True)
    next_probe_at = serializers.DateTimeField(allow_null=True)
