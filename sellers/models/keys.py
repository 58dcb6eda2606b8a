"""The keys of sellers' programs, and what was created with them under a repeatable name.

Only `sellers.programs.keys` and `sellers.programs.repeats` write these tables.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from payments.ids import new_id

HASH_BYTES = 32


class ApiKey(models.Model):
    """What a seller's program shows to act for them: only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="keys")
    name = models.TextField()
    prefix = models.TextField()  # its beginning, to tell keys apart by
    hash = models.BinaryField(max_length=HASH_BYTES, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Exact(Length("hash"), HASH_BYTES), name="apikey_hash_size"
            ),
        )

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"


class Repeat(models.Model):
    """What was answered to a creation that named itself, to be answered again to its twin."""

    id = models.BigAutoField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="+")
    key = models.TextField()
    request_hash = models.BinaryField(max_length=HASH_BYTES)
    status = models.SmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("seller", "key"), name="repeat_once"),
            models.CheckConstraint(
                condition=Q(status__isnull=True, answer__isnull=True)
                | Q(status__isnull=False, answer__isnull=False),
                name="repeat_answered_whole",
            ),
        )
        indexes = (models.Index(fields=("created_at",), name="repeat_by_time"),)

    def __str__(self) -> str:
        return self.key
