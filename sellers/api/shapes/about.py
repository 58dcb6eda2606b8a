"""Documents about who the key acts for: the seller, the tokens taken, notices."""

from __future__ import annotations

from rest_framework import serializers

from sellers.api.shapes.base import Shape
from sellers.models.listings import ABOUT_CHARACTERS_MAX
from sellers.profile.logos import LOGO_BYTES_MAX


class About(Shape):
    """Who the key acts for, and what it may do."""

    seller = serializers.CharField(help_text="the seller's slug")
    name = serializers.CharField()
    key = serializers.CharField(help_text="the key's name")
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(allow_null=True)


class Network(Shape):
    """A token that a call may be priced in."""

    network = serializers.CharField()
    name = serializers.CharField()
    testnet = serializers.BooleanField()
    asset = serializers.CharField()
    symbol = serializers.CharField()
    decimals = serializers.IntegerField()
    price_floor = serializers.CharField(help_text="the least a call may cost, in dollars")
    price_max = serializers.CharField(help_text="the most, in dollars")


class ProfileShape(Shape):
    """What a seller says of themselves."""

    name = serializers.CharField()
    about = serializers.CharField(
        required=False, default="", allow_blank=True, help_text=f"up to {ABOUT_CHARACTERS_MAX}"
    )
    website = serializers.CharField(required=False, default="", allow_blank=True)
    contact = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="an e-mail address or a page"
    )
    logo = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="the hash of a picture of yours"
    )


class NoticeOut(Shape):
    """What happened while nobody looked."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    subject = serializers.CharField()
    text = serializers.CharField()
    href = serializers.CharField(allow_blank=True)


class LogoIn(Shape):
    """A small picture."""

    picture = serializers.CharField(
        help_text=f"PNG, JPEG or WebP, up to {LOGO_BYTES_MAX // 1024} KiB, its bytes in base64"
    )


class LogoOut(Shape):
    """A picture of yours."""

    logo = serializers.CharField(help_text="its hash, by which it is named everywhere")
    content_type = serializers.CharField()
    url = serializers.URLField()
