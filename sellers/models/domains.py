"""Domains that sellers show to be theirs, and when each is looked at again: the row is the job.

Only `claims` and `findings` of `sellers.domains` write this table, and `looks` what it takes.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

LINE_BEGINS = "souk-seller="
PATTERN = r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"


class Domain(models.Model):
    """The one domain that a seller names: proven while `verified_at` says since when."""

    seller = models.OneToOneField(
        "sellers.Seller", on_delete=models.PROTECT, primary_key=True, related_name="domain"
    )
    name = models.TextField()  # as name servers have it: small letters, punycode
    token = models.TextField()
    named_at = models.DateTimeField(default=timezone.now)
    verified_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)  # the last look
    well_at = models.DateTimeField(null=True)  # the last one that found the line
    failures = models.IntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)
    trouble = models.TextField(default="")
    fix = models.TextField(default="")
    next_look_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            # Anybody may name a domain; one of them has it.
            models.UniqueConstraint(
                fields=("name",),
                condition=Q(verified_at__isnull=False),
                name="domain_verified_once",
            ),
            models.CheckConstraint(condition=Q(name__regex=PATTERN), name="domain_name"),
            models.CheckConstraint(condition=Q(failures__gte=0), name="domain_failures"),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True) | Q(well_at__isnull=False),
                name="domain_verified_was_seen",
            ),
        )
        indexes = (
            models.Index(fields=("name",), name="domain_claimants"),
            models.Index(
                fields=("next_look_at",), condition=Q(next_look_at__isnull=False), name="domain_due"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def line(self) -> str:
        """What stands in the file at the domain: it names its seller, and nobody can guess it."""
        return f"{LINE_BEGINS}{self.seller.slug}/{self.token}"

    @property
    def is_looked_at(self) -> bool:
        """Whether a look is under way, or asked for."""
        now = timezone.now()
        is_due = self.next_look_at is not None and self.next_look_at <= now
        return is_due or (self.claimed_until is not None and self.claimed_until > now)
