"""Wallets: asked about, proven, taken back."""

from __future__ import annotations

from rest_framework import serializers

from sellers.api.shapes.base import Shape


class PayoutOut(Shape):
    """A wallet that the seller may be paid into."""

    pay_to = serializers.CharField()
    network = serializers.CharField(
        allow_blank=True, help_text="a contract's own; empty for a key, good everywhere"
    )
    proven_at = serializers.DateTimeField()
    listings = serializers.ListField(child=serializers.CharField(), help_text="that pay into it")


class PayoutAsk(Shape):
    """The wallet that is to be proven."""

    address = serializers.CharField(max_length=60, help_text="0x…")
    network = serializers.CharField(
        max_length=60, required=False, default="", allow_blank=True,
        help_text="of a contract wallet; empty for a key, good everywhere",
    )  # fmt: skip


class PayoutQuestion(Shape):
    """What the wallet signs (EIP-191), exactly as it stands."""

    text = serializers.CharField()


class PayoutProof(Shape):
    """The text, and the wallet's signature under it."""

    text = serializers.CharField(trim_whitespace=False, max_length=4_000)
    signature = serializers.CharField(max_length=20_000, help_text="0x…")


class PayoutProven(Shape):
    """A wallet that is proven now."""

    pay_to = serializers.CharField()
    network = serializers.CharField(allow_blank=True)
    proven_at = serializers.DateTimeField()


class PayoutRevoke(Shape):
    """A wallet that is to be paid no more."""

    pay_to = serializers.CharField(max_length=60)


class PayoutRevoked(Shape):
    """What stopped with it."""

    pay_to = serializers.CharField()
    paused = serializers.ListField(child=serializers.CharField(), help_text="listings")
