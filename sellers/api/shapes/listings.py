"""A listing as a program describes it, and as it is shown."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sellers.api.shapes.base import AnyJson, JsonObject, Shape
from sellers.categories import CATEGORIES
from sellers.content_types import CONTENT_TYPE_CHARACTERS_MAX
from sellers.drafts import DESCRIPTION_CHARACTERS_MAX, KEEP_DAYS_MAX, TITLE_CHARACTERS
from sellers.models import Listing
from sellers.models.listings import SLUG_CHARACTERS_MAX
from sellers.terms import METHODS, RELEASES


class PriceIn(Shape):
    """What a call costs on one network."""

    dollars = serializers.CharField(max_length=40, help_text="such as 0.01")
    network = serializers.CharField(max_length=60, help_text="such as eip155:8453")
    pay_to = serializers.CharField(max_length=60, help_text="your wallet, 0x…")
    asset = serializers.CharField(max_length=60, required=False, default="")


class PriceOut(Shape):
    """A price as it is quoted."""

    dollars = serializers.CharField()
    amount_atomic = serializers.CharField()
    network = serializers.CharField()
    asset = serializers.CharField()
    pay_to = serializers.CharField()


class SampleIn(Shape):
    """An answer that your endpoint really gave: the free sample of the listing."""

    status = serializers.IntegerField(default=200, min_value=200, max_value=299)
    content_type = serializers.CharField(
        max_length=CONTENT_TYPE_CHARACTERS_MAX, default="application/json"
    )
    body = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, help_text="as text"
    )
    json = AnyJson(required=False, help_text="or as JSON")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("body" in attrs) == ("json" in attrs):
            raise serializers.ValidationError("give body or json, one of the two")
        return attrs


class TermsIn(Shape):
    """What is sold and how, as a seller describes it."""

    upstream_url = serializers.CharField(help_text="https://…, with {name} for path parameters")
    title = serializers.CharField(
        help_text=f"{TITLE_CHARACTERS[0]} to {TITLE_CHARACTERS[-1]} characters"
    )
    description = serializers.CharField(help_text=f"up to {DESCRIPTION_CHARACTERS_MAX} characters")
    prices = PriceIn(many=True)
    sample = SampleIn()
    method = serializers.ChoiceField(METHODS, default="GET")
    example = JsonObject(default=dict, help_text="an example call: path, query, body")
    input_schema = JsonObject(required=False, allow_null=True, help_text="made from the example")
    output_schema = JsonObject(required=False, allow_null=True, help_text="made from the sample")
    service_name = serializers.CharField(required=False, default="", allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(), default=list)
    category = serializers.ChoiceField(
        CATEGORIES, default="", allow_blank=True, help_text="what the catalog files it under"
    )
    logo = serializers.CharField(
        required=False, allow_blank=True, help_text="a picture you gave at /logos; left out: as now"
    )
    forward_headers = serializers.ListField(child=serializers.CharField(), default=list)
    secret_headers = serializers.DictField(
        child=serializers.CharField(trim_whitespace=False, allow_null=True),
        default=dict,
        help_text="headers added to calls; values are sealed and never shown again",
    )
    release = serializers.ChoiceField(RELEASES, default="hold")
    total_seconds = serializers.FloatField(required=False, allow_null=True)
    answer_keep_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=KEEP_DAYS_MAX
    )
    require_body = serializers.BooleanField(default=True)
    check_output = serializers.BooleanField(default=False)
    stream = serializers.BooleanField(default=False)


class ListingIn(TermsIn):
    """A new listing."""

    slug = serializers.CharField(
        max_length=SLUG_CHARACTERS_MAX, help_text="a part of its address for good"
    )


class SecretIn(Shape):
    """A secret header's new value."""

    name = serializers.CharField()
    value = serializers.CharField(trim_whitespace=False)


class SigningKeyOut(Shape):
    """What the calls to a listing's endpoint are signed with."""

    key = serializers.CharField(help_text="32 bytes, in hexadecimal; keep it like a password")


class RevisionOut(Shape):
    """One immutable version of a listing's terms."""

    number = serializers.IntegerField()
    hash = serializers.CharField(help_text="what is approved, claimed and written into receipts")
    created_at = serializers.DateTimeField()
    title = serializers.CharField()
    prices = PriceOut(many=True)


class RevisionWhole(RevisionOut):
    """The same with everything it fixes."""

    terms = JsonObject()


class HistoryOut(RevisionOut):
    """A revision, and what it changed of the one before."""

    live = serializers.BooleanField()
    proposed = serializers.BooleanField()
    changed = serializers.ListField(child=serializers.CharField())


class ListingOut(Shape):
    """A listing as it stands."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    path = serializers.CharField()
    url = serializers.CharField(help_text="where it is sold")
    state = serializers.ChoiceField(Listing.State.choices)
    reason = serializers.CharField(help_text="why it was refused or suspended", allow_blank=True)
    submitted_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    live = RevisionOut(allow_null=True)
    proposed = RevisionOut(allow_null=True)


class ListingWhole(ListingOut):
    """A listing with all its terms."""

    live = RevisionWhole(allow_null=True)
    proposed = RevisionWhole(allow_null=True)
