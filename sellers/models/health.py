"""Whether what is sold still works: when each live listing is looked at, and what was seen.

Only `sellers.health.health` and `sellers.upstreams.probing` write these tables, but for what the
doors say.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.ids import new_id


class Health(models.Model):
    """One listing's health, and when to look at it again: the row is the job."""

    class Way(models.TextChoices):
        CALLS = "calls"  # buyers' own calls say it; nothing is asked besides
        URL = "url"  # a health address that the seller gave
        EXAMPLE = "example"  # the listing's example, which the seller says is safe to repeat

    listing = models.OneToOneField(
        "sellers.Listing", on_delete=models.PROTECT, primary_key=True, related_name="health"
    )
    way = models.TextField(choices=Way.choices, default=Way.CALLS)
    url = models.TextField(default="")
    next_probe_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)  # in a row
    seen_at = models.DateTimeField(null=True)
    well_at = models.DateTimeField(null=True)
    drift = models.TextField(default="")  # how the last answers differ from the output schema
    drift_since = models.DateTimeField(null=True)
    drifts = models.IntegerField(
        default=0, db_default=0
    )  # looks in a row that found most answers so
    paused_at = models.DateTimeField(null=True)  # by us, for its failures
    paused_why = models.TextField(default="", db_default="")

    class Meta:
        verbose_name_plural = "health"
        constraints = (
            models.CheckConstraint(
                condition=Q(way__in=("calls", "url", "example")), name="health_way"
            ),
            models.CheckConstraint(
                condition=(Q(way="url") & ~Q(url="")) | (~Q(way="url") & Q(url="")),
                name="health_url",
            ),
            models.CheckConstraint(condition=Q(failures__gte=0), name="health_failures"),
        )
        indexes = (
            models.Index(
                fields=("next_probe_at",),
                condition=Q(next_probe_at__isnull=False),
                name="health_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.way}, {self.failures} failures in a row"


class ProbeResult(models.Model):
    """One look at a listing, and what came of it."""

    id = models.UUIDField(primary_key=True, default=new_id)
    listing = models.ForeignKey(
        "sellers.Listing", on_delete=models.PROTECT, related_name="probe_results", db_index=False
    )
    at = models.DateTimeField(auto_now_add=True)
    way = models.TextField(choices=Health.Way.choices)
    ok = models.BooleanField()
    status = models.SmallIntegerField(null=True)
    ms = models.IntegerField(null=True)
    why = models.TextField(default="")
    drift = models.TextField(default="")

    class Meta:
        indexes = (
            models.Index(fields=("listing", "-id"), name="proberesult_log"),
            models.Index(fields=("at",), name="proberesult_by_time"),
        )

    def __str__(self) -> str:
        return "well" if self.ok else self.why


class Breaker(models.Model):
    """What one door said last of a listing it does not sell, because its endpoint fails.

    A door's word runs out by itself, so that one which died is not believed for long.
    """

    door = models.UUIDField()
    listing = models.ForeignKey(
        "sellers.Listing", on_delete=models.CASCADE, related_name="breakers"
    )
    since = models.DateTimeField()
    until = models.DateTimeField()  # then one call at a time tries it
    failures = models.IntegerField()  # in a row
    why = models.TextField(default="")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("door", "listing"), name="breaker_once"),)
        indexes = (models.Index(fields=("expires_at",), name="breaker_by_time"),)

    def __str__(self) -> str:
        return f"shut until {self.until}"
