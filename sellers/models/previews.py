"""Drafts that their own sellers try out before anybody else sees them.

Only `sellers.previews` writes this table.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from payments.ids import new_id

HASH_BYTES = 32


class Preview(models.Model):
    """A draft as it was when its seller asked to try it, behind an address nobody can guess."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="previews")
    listing_id = models.UUIDField()  # the listing that the draft becomes, or changes
    token_hash = models.BinaryField(max_length=HASH_BYTES, unique=True)
    terms = models.JSONField()
    revision_hash = models.BinaryField(max_length=HASH_BYTES)
    sealed = models.JSONField(default=dict)  # header names and their encrypted values
    payers = models.JSONField(default=list)  # the only wallets that may pay; none: it only quotes
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Exact(Length("token_hash"), HASH_BYTES), name="preview_token_hash_size"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="preview_expires"
            ),
        )
        indexes = (
            models.Index(fields=("seller", "-created_at"), name="preview_of_seller"),
            models.Index(fields=("listing_id", "-created_at"), name="preview_of_listing"),
            models.Index(fields=("expires_at",), name="preview_by_end"),
        )

    def __str__(self) -> str:
        return f"until {self.expires_at}"
