"""What may be claimed, and about how often it was quoted."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.ids import new_id
from payments.models.fields import atomic_field


class OpenOffer(models.Model):
    """What may be claimed right now; opened and closed together with a listing's state."""

    id = models.UUIDField(primary_key=True, default=new_id)
    listing_id = models.UUIDField()
    revision_hash = models.BinaryField(max_length=32)
    network = models.TextField()
    scheme = models.TextField()
    asset = models.TextField()
    pay_to = models.TextField()
    amount_atomic = atomic_field()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_atomic__gt=0), name="openoffer_amount"),
        )
        indexes = (
            models.Index(fields=("listing_id",), name="openoffer_by_listing"),
            models.Index(
                fields=("closed_at",),
                condition=Q(closed_at__isnull=False),
                name="openoffer_closed",
            ),
        )


class ChallengeCount(models.Model):
    """About how often a listing was quoted in one minute: counted in memory, then added up."""

    listing_id = models.UUIDField()
    minute = models.DateTimeField()
    challenges = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("listing_id", "minute"), name="challengecount_once"),
        )
        indexes = (models.Index(fields=("minute",), name="challengecount_by_minute"),)


class ChallengeDay(models.Model):
    """About how often a listing was quoted on one day: the same counts, added up further."""

    listing_id = models.UUIDField()
    day = models.DateField()
    challenges = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("listing_id", "day"), name="challengeday_once"),
        )
