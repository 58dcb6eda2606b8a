"""What is told to sellers and to accounts that buy. Only `sellers.notices` writes this table."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from payments.ids import new_id


class Notice(models.Model):
    """One thing that happened to somebody's listing or address while nobody looked."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey(
        "sellers.Seller", on_delete=models.PROTECT, null=True, related_name="notices"
    )
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="notices"
    )
    at = models.DateTimeField(auto_now_add=True)
    subject = models.TextField()
    text = models.TextField()
    href = models.TextField(default="")
    seen_at = models.DateTimeField(null=True)
    mail_at = models.DateTimeField(null=True)  # when a letter says it, too; null: none, or written

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(seller__isnull=True) ^ Q(buyer__isnull=True), name="notice_of_one"
            ),
        )
        indexes = (
            models.Index(
                fields=("mail_at",), condition=Q(mail_at__isnull=False), name="notice_unmailed"
            ),
            models.Index(
                fields=("seller", "-id"), condition=Q(seen_at__isnull=True), name="notice_unseen"
            ),
            models.Index(fields=("at",), name="notice_by_time"),
        )

    def __str__(self) -> str:
        return self.subject
