"""Sums, payments and who paid."""

from __future__ import annotations

from rest_framework import serializers

from sellers.api.shapes.base import Shape


class BuyerOut(Shape):
    """A wallet, and what it paid in one token."""

    payer = serializers.CharField()
    payments = serializers.IntegerField()
    network = serializers.CharField()
    asset = serializers.CharField()
    amount_atomic = serializers.CharField()


class BuyersOut(Shape):
    """How many wallets paid, and those that paid most."""

    unique = serializers.IntegerField(allow_null=True, help_text="null until it is counted")
    top = BuyerOut(many=True)
    counting = serializers.BooleanField(help_text="a newer count is on its way: ask again")
    made_at = serializers.DateTimeField(allow_null=True, help_text="null: now")


class TokenSums(Shape):
    """What was earned in one token, in its smallest unit."""

    network = serializers.CharField()
    asset = serializers.CharField()
    sales = serializers.IntegerField()
    refunds_due = serializers.IntegerField()
    refunded_payments = serializers.IntegerField(help_text="of the days that are asked for")
    gross_atomic = serializers.CharField(help_text="confirmed, and on its way")
    confirmed_atomic = serializers.CharField()
    pending_atomic = serializers.CharField()
    refund_due_atomic = serializers.CharField()
    refunded_atomic = serializers.CharField(help_text="back at its buyers for good")
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


class DaySums(TokenSums):
    """The same of one day, week or month."""

    start = serializers.DateField(help_text="its first day")


class ListingSums(TokenSums):
    """The same of one listing."""

    listing = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()


class ByTimeOut(Shape):
    """What was earned in each step of some days."""

    first = serializers.DateField()
    last = serializers.DateField()
    step = serializers.CharField()
    items = DaySums(many=True)


class ByListingOut(Shape):
    """What each listing earned in some days."""

    first = serializers.DateField()
    last = serializers.DateField()
    items = ListingSums(many=True)


class TokenMonth(TokenSums):
    """One token's month."""

    paid_to = serializers.ListField(child=serializers.CharField())
    days = DaySums(many=True)


class StatementOut(Shape):
    """A seller's month."""

    seller = serializers.CharField()
    name = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    over = serializers.BooleanField(help_text="the month is over; else it is not final")
    made_at = serializers.DateTimeField()
    unique_buyers = serializers.IntegerField()
    tokens = TokenMonth(many=True)
    listings = ListingSums(many=True)


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
    """One step of a payment, or what became of a refund of it."""

    at = serializers.DateTimeField()
    state = serializers.CharField()
    words = serializers.CharField()
    why = serializers.CharField()
    refund_atomic = serializers.CharField(allow_blank=True, help_text="what was sent back")
    refund_transaction = serializers.CharField(allow_blank=True)


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
