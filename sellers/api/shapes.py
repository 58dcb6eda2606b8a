"""The documents that the API takes and gives, as they are checked and as OpenAPI says them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sellers.drafts import DESCRIPTION_CHARACTERS_MAX, KEEP_DAYS_MAX, TITLE_CHARACTERS
from sellers.events import EVENTS
from sellers.models import SLUG_CHARACTERS_MAX, Delivery, Health, Listing
from sellers.terms import METHODS, RELEASES
from sellers.webhooks import URL_CHARACTERS_MAX

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
    content_type = serializers.CharField(max_length=200, default="application/json")
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


class NoticeOut(Shape):
    """What happened while nobody looked."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    subject = serializers.CharField()
    text = serializers.CharField()
    href = serializers.CharField(allow_blank=True)


class PayoutOut(Shape):
    """A wallet that the seller may be paid into."""

    pay_to = serializers.CharField()
    network = serializers.CharField(
        allow_blank=True, help_text="a contract's own; empty for a key, good everywhere"
    )
    proven_at = serializers.DateTimeField()
    listings = serializers.ListField(child=serializers.CharField(), help_text="that pay into it")


class HealthIn(Shape):
    """How a listing's health is to be known."""

    way = serializers.ChoiceField(Health.Way.choices)
    url = serializers.CharField(
        max_length=URL_CHARACTERS_MAX, required=False, default="", allow_blank=True
    )


class HealthOut(Shape):
    """How a listing is, and how that is known."""

    way = serializers.ChoiceField(Health.Way.choices)
    url = serializers.CharField(allow_blank=True)
    failures = serializers.IntegerField(help_text="in a row")
    failures_max = serializers.IntegerField(help_text="at so many it is paused")
    drift = serializers.CharField(
        allow_blank=True, help_text="how the last answer differs from the output schema"
    )
    seen_at = serializers.DateTimeField(allow_null=True)
    well_at = serializers.DateTimeField(allow_null=True)
    paused_at = serializers.DateTimeField(allow_null=True)
    next_probe_at = serializers.DateTimeField(allow_null=True)


class DocumentIn(Shape):
    """An OpenAPI document, 3.0 or 3.1, in JSON or YAML: its text, or where it is."""

    document = serializers.CharField(required=False, trim_whitespace=False)
    url = serializers.CharField(required=False, max_length=URL_CHARACTERS_MAX)
    base_url = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="for documents without servers"
    )


class ImportIn(DocumentIn):
    """The document, and what to take of it."""

    operations = serializers.ListField(
        child=serializers.CharField(), min_length=1, help_text="such as GET /weather"
    )


class OperationOut(Shape):
    """One operation, and the terms it makes."""

    operation = serializers.CharField()
    terms = JsonObject()


class OperationsOut(Shape):
    """Every operation of a document."""

    operations = OperationOut(many=True)


class DraftOut(Shape):
    """A draft, and the page on which it is finished."""

    operation = serializers.CharField()
    draft = serializers.UUIDField()
    page = serializers.URLField()


class DraftsOut(Shape):
    """The drafts that were made."""

    drafts = DraftOut(many=True)


class TokenSums(Shape):
    """What was earned in one token, in its smallest unit."""

    network = serializers.CharField()
    asset = serializers.CharField()
    sales = serializers.IntegerField()
    refunds_due = serializers.IntegerField()
    gross_atomic = serializers.CharField(help_text="confirmed, and on its way")
    confirmed_atomic = serializers.CharField()
    pending_atomic = serializers.CharField()
    refund_due_atomic = serializers.CharField()
    uncollected_atomic = serializers.CharField()


class EarningsOut(Shape):
    """What was earned in some days, and where buyers were lost."""

    first = serializers.DateField()
    last = serializers.DateField()
    tokens = TokenSums(many=True)
    quoted = serializers.IntegerField(help_text="about")
    paid = serializers.IntegerField()
    answered = serializers.IntegerField()
    settled = serializers.IntegerField()
    unanswered = serializers.DictField(child=serializers.IntegerField())
    uncollected = serializers.DictField(child=serializers.IntegerField())


class SaleOut(Shape):
    """One payment in one line."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    listing = serializers.CharField()
    title = serializers.CharField()
    payer = serializers.CharField()
    network = serializers.CharField()
    asset = serializers.CharField()
    amount_atomic = serializers.CharField()
    amount = serializers.CharField()
    state = serializers.CharField()
    words = serializers.CharField()
    cause = serializers.CharField(allow_blank=True)
    transaction = serializers.CharField(allow_blank=True)
    url = serializers.URLField()


class StepOut(Shape):
    """One step of a payment."""

    at = serializers.DateTimeField()
    state = serializers.CharField()
    words = serializers.CharField()
    why = serializers.CharField()


class SaleWhole(Shape):
    """One payment with every step it took."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    listing = serializers.CharField()
    title = serializers.CharField()
    payer = serializers.CharField()
    pay_to = serializers.CharField()
    network = serializers.CharField()
    asset = serializers.CharField()
    amount_atomic = serializers.CharField()
    state = serializers.CharField()
    words = serializers.CharField()
    transaction = serializers.CharField(allow_blank=True)
    url = serializers.URLField()
    steps = StepOut(many=True)
