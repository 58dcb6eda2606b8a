"""The checklist of a draft or a listing, and the test call of a draft."""

from __future__ import annotations

from rest_framework import serializers

from sellers.api.shapes.base import Shape
from sellers.api.shapes.drafts import LackOut


class CheckOut(Shape):
    """One thing that graders of agents look at."""

    check = serializers.CharField()
    passed = serializers.BooleanField()
    severity = serializers.ChoiceField(["required", "advisory"])
    detail = serializers.CharField()
    expected = serializers.CharField(allow_blank=True)
    actual = serializers.CharField(allow_blank=True)
    fix = serializers.CharField(required=False, help_text="what to do, where it failed")


class ChecklistOut(Shape):
    """What graders see, each with its fix."""

    valid = serializers.BooleanField(
        allow_null=True, help_text="every required check passed; null: nothing was looked at yet"
    )
    verified_at = serializers.DateTimeField(
        allow_null=True, help_text="when our own face was last asked; null: by the terms alone"
    )
    lacks = LackOut(many=True, help_text="what an unfinished draft lacks; then nothing is checked")
    preflight = CheckOut(many=True)


class PreviewPrice(Shape):
    """What a test call costs, in the money of a test network."""

    amount = serializers.CharField()
    amount_atomic = serializers.CharField()
    network = serializers.CharField()
    asset = serializers.CharField()
    pay_to = serializers.CharField()


class PreviewOut(Shape):
    """A private address that answers as the draft was when it was opened."""

    url = serializers.CharField(allow_null=True, help_text="null where the request was repeated")
    example_url = serializers.CharField(allow_null=True, help_text="with the example's parameters")
    method = serializers.CharField()
    expires_at = serializers.DateTimeField()
    payers = serializers.ListField(
        child=serializers.CharField(), help_text="the wallets that may pay: your own"
    )
    prices = PreviewPrice(many=True)
    current = serializers.BooleanField(help_text="the draft still says what this answers with")


class TestCallOut(Shape):
    """One call that was paid for, and how far it has come."""

    payment = serializers.UUIDField()
    at = serializers.DateTimeField()
    revision_hash = serializers.CharField()
    state = serializers.CharField()
    words = serializers.CharField()
    paid = serializers.BooleanField()
    final = serializers.BooleanField()
    url = serializers.URLField()


class TryOut(Shape):
    """The test address, where one is open, and the last calls to it."""

    open = PreviewOut(allow_null=True)
    calls = TestCallOut(many=True)
