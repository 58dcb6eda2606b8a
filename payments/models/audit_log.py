"""The rows of the audit log. Only `payments.audit_log` writes them, and nobody changes one.

Triggers (migration 0020) refuse whatever is not the next entry, and the head moves with it.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact

HASH_BYTES = 32


class AuditEntry(models.Model):
    """Who did what to whom, when and why: each entry holds the hash of the one before."""

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.TextField()
    act = models.TextField()
    subject = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    why = models.TextField()
    previous = models.BinaryField(max_length=HASH_BYTES)
    hash = models.BinaryField(max_length=HASH_BYTES)

    class Meta:
        verbose_name_plural = "audit entries"
        constraints = (
            models.CheckConstraint(condition=Q(sequence__gte=1), name="auditentry_sequence"),
            models.CheckConstraint(
                condition=Exact(Length("previous"), HASH_BYTES) & Exact(Length("hash"), HASH_BYTES),
                name="auditentry_hash_sizes",
            ),
        )
        indexes = (
            models.Index(fields=("subject", "sequence"), name="auditentry_by_subject"),
            models.Index(fields=("actor", "sequence"), name="auditentry_by_actor"),
            models.Index(fields=("act", "sequence"), name="auditentry_by_act"),
        )

    def __str__(self) -> str:
        return f"{self.sequence}: {self.actor} {self.act} {self.subject}"


class AuditHead(models.Model):
    """Where the log ends: one row, which whoever writes the next entry holds."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    sequence = models.BigIntegerField()
    hash = models.BinaryField(max_length=HASH_BYTES)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="audithead_one"),)

    def __str__(self) -> str:
        return f"{self.sequence}:{bytes(self.hash).hex()}"
