"""What was last seen of each listing that is sold, asked as graders ask; the row is the job.

Only `sellers.grading.verification` writes this table.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Verification(models.Model):
    """The checklist of one listing, when it was gone through, and when it is again."""

    listing = models.OneToOneField(
        "sellers.Listing", on_delete=models.PROTECT, primary_key=True, related_name="verification"
    )
    checks = models.JSONField(default=list)
    valid = models.BooleanField(null=True)  # nothing was asked yet
    revision_hash = models.BinaryField(max_length=32, null=True)  # of what was looked at
    verified_at = models.DateTimeField(null=True)
    good_at = models.DateTimeField(null=True)  # when every required check last passed
    next_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("next_at",), condition=Q(next_at__isnull=False), name="verification_due"
            ),
        )

    def __str__(self) -> str:
        return f"{self.valid} at {self.verified_at}"
