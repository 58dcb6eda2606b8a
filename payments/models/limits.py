"""What owners let their wallets spend, alone and together, and what they were told of it.

Only `payments.limits.setting`, `payments.limits.groups` and `payments.limits.alerts` write these
tables.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.ids import new_id

THRESHOLDS = (50, 85, 100)  # percent of a sum at which its owner is told


def dollars_field(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=24, decimal_places=6, **options)


class LimitGroup(models.Model):
    """Wallets of one owner that spend from the same limits, in dollars."""

    id = models.UUIDField(primary_key=True, default=new_id)
    owner = models.BigIntegerField()  # an account's number, of whoever keeps accounts here
    name = models.TextField()
    paused = models.BooleanField(default=False)
    call_max = dollars_field(null=True)
    hour_max = dollars_field(null=True)
    day_max = dollars_field(null=True)
    seller_day_max = dollars_field(null=True)
    listing_day_max = dollars_field(null=True)
    allowed = models.JSONField(default=list)
    blocked = models.JSONField(default=list)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("owner", "name"), name="limitgroup_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="limitgroup_named"),
        )

    def __str__(self) -> str:
        return self.name


class Limit(models.Model):
    """What a wallet's owner lets it spend here, in dollars; the row stays once there was one."""

    payer = models.TextField(primary_key=True)
    network = models.TextField(default="", blank=True)  # a contract's own
    version = models.IntegerField(default=1)  # of its rules and of its group's
    group = models.ForeignKey(
        LimitGroup, on_delete=models.PROTECT, null=True, related_name="members"
    )
    paused = models.BooleanField(default=False)
    call_max = dollars_field(null=True)
    hour_max = dollars_field(null=True)
    day_max = dollars_field(null=True)
    seller_day_max = dollars_field(null=True)
    listing_day_max = dollars_field(null=True)
    allowed = models.JSONField(default=list)
    blocked = models.JSONField(default=list)
    name = models.TextField(default="", blank=True)  # what its owner calls the agent
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(version__gte=1), name="limit_version"),)


class LimitAlert(models.Model):
    """One sum that came near its limit: noted once, told once, whoever looks."""

    id = models.UUIDField(primary_key=True, default=new_id)
    holder = models.TextField()  # a wallet, or a group as its counters name it
    sum = models.TextField()
    subject = models.TextField(default="", blank=True)  # a seller or a listing
    starts_at = models.DateTimeField()  # the hour or the day
    percent = models.SmallIntegerField()
    limit_dollars = dollars_field()
    used_dollars = dollars_field()
    raised_at = models.DateTimeField(db_default=Now())
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("holder", "starts_at", "sum", "subject", "limit_dollars", "percent"),
                name="limitalert_once",
            ),
            models.CheckConstraint(condition=Q(percent__in=THRESHOLDS), name="limitalert_percent"),
            models.CheckConstraint(
                condition=Q(sum__in=("hour_max", "day_max", "seller_day_max", "listing_day_max")),
                name="limitalert_sum",
            ),
        )
        indexes = (
            models.Index(
                fields=("raised_at",), condition=Q(told_at__isnull=True), name="limitalert_untold"
            ),
            models.Index(fields=("raised_at",), name="limitalert_by_time"),
        )


class AlertWish(models.Model):
    """From which threshold on an owner wants letters; without a row it is the first."""

    owner = models.BigIntegerField(primary_key=True)
    mail_from = models.SmallIntegerField()

    class Meta:
        verbose_name_plural = "alert wishes"
        constraints = (
            models.CheckConstraint(
                condition=Q(mail_from__in=(0, *THRESHOLDS)), name="alertwish_mail_from"
            ),
        )
