"""Addresses that are told of events, and what was sent to them."""

from __future__ import annotations

from rest_framework import serializers

from sellers.addresses import URL_CHARACTERS_MAX
from sellers.api.shapes.base import JsonObject, Shape
from sellers.models import Delivery
from sellers.webhooks.events import EVENTS


class WebhookIn(Shape):
    """An address to be told of events."""

    url = serializers.CharField(max_length=URL_CHARACTERS_MAX)
    events = serializers.ListField(child=serializers.ChoiceField(list(EVENTS)), min_length=1)


class WebhookChange(Shape):
    """What is to be different."""

    url = serializers.CharField(max_length=URL_CHARACTERS_MAX, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(list(EVENTS)), min_length=1, required=False
    )
    enabled = serializers.BooleanField(required=False)


class WebhookOut(Shape):
    """An address as it stands. Its secret is not in it."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField()
    disabled_why = serializers.CharField(allow_blank=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    both_secrets_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookMade(WebhookOut):
    """With its new secret, this once; null when the request was repeated."""

    secret = serializers.CharField(allow_null=True)


class AttemptOut(Shape):
    """One attempt to deliver a message."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    ms = serializers.IntegerField()
    why = serializers.CharField(allow_blank=True)
    excerpt = serializers.CharField(allow_blank=True)


class DeliveryOut(Shape):
    """One message in the log."""

    id = serializers.UUIDField()
    webhook = serializers.UUIDField()
    event_id = serializers.CharField()
    event = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(Delivery.State.choices)
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptOut(many=True)


class DeliveryWhole(DeliveryOut):
    """With the message itself."""

    body = JsonObject()
