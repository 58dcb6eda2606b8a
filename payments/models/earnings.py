"""The sums that the worker keeps of what was sold, by day, by buyer and by seller."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.ids import new_id
from payments.models.fields import sum_field
from payments.models.payment import Payment


class Counted(models.Model):
    """What the sums of earnings hold of one payment: its facts as of one of its steps."""

    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
    version = models.IntegerField()
    seller_id = models.UUIDField()
    listing_id = models.UUIDField()
    created_at = models.DateTimeField()
    work = models.TextField()
    money = models.TextField()
    cause = models.TextField()

    class Meta:
        verbose_name_plural = "counted"
        indexes = (
            models.Index(
                fields=("seller_id", "work", "money", "created_at", "payment"),
                name="counted_by_seller",
            ),
            models.Index(
                fields=("listing_id", "work", "money", "created_at", "payment"),
                name="counted_by_listing",
            ),
        )


class EarningsDay(models.Model):
    """What was sold on one day: so many payments of one listing, token and state, and their sum."""

    seller_id = models.UUIDField()
    listing_id = models.UUIDField()
    day = models.DateField()  # of the claim, in UTC
    network = models.TextField()
    asset = models.TextField()
    work = models.TextField()
    money = models.TextField()
    cause = models.TextField()  # why nothing was charged; empty for all others
    payments = models.BigIntegerField()
    amount_atomic = sum_field()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "seller_id",
                    "day",
                    "listing_id",
                    "network",
                    "asset",
                    "work",
                    "money",
                    "cause",
                ),
                name="earningsday_once",
            ),
            models.CheckConstraint(condition=Q(payments__gte=0), name="earningsday_payments"),
            models.CheckConstraint(condition=Q(amount_atomic__gte=0), name="earningsday_amount"),
        )
        indexes = (
            models.Index(fields=("day",), condition=Q(payments=0), name="earningsday_empty"),
        )  # fmt: skip


class BuyerDay(models.Model):
    """What one wallet has paid for one listing on one day."""

    seller_id = models.UUIDField()
    listing_id = models.UUIDField()
    day = models.DateField()
    payer = models.TextField()
    network = models.TextField()
    asset = models.TextField()
    payments = models.BigIntegerField()
    amount_atomic = sum_field()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("seller_id", "day", "payer", "listing_id", "network", "asset"),
                name="buyerday_once",
            ),
            models.CheckConstraint(condition=Q(payments__gte=0), name="buyerday_payments"),
            models.CheckConstraint(condition=Q(amount_atomic__gte=0), name="buyerday_amount"),
        )
        indexes = (
            models.Index(fields=("day",), condition=Q(payments=0), name="buyerday_empty"),
            models.Index(fields=("payer", "day"), name="buyerday_by_payer"),
        )


class BuyersLook(models.Model):
    """Who paid a seller most in some days, as the worker counted it last: the row is the job."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller_id = models.UUIDField()
    asked = models.JSONField()  # first, last, listing, network
    asked_at = models.DateTimeField(auto_now_add=True)
    found = models.JSONField(null=True)
    made_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # when it may be taken; null: nothing to do

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("seller_id", "asked"), name="buyerslook_once"),
        )
        indexes = (
            models.Index(
                fields=("due_at",), condition=Q(due_at__isnull=False), name="buyerslook_due"
            ),
            models.Index(fields=("asked_at",), name="buyerslook_by_time"),
        )


class EarningsVersion(models.Model):
    """How often a seller's sums have changed: what an open page compares with."""

    seller_id = models.UUIDField(primary_key=True)
    version = models.BigIntegerField()
