"""Where sellers and buyers are told of what happens, and every message that is on its way there.

Only `webhooks`, `outbox` and `sending` of `sellers.webhooks` write these tables.
"""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.ids import new_id

ATTEMPTS_SHOWN_MAX = 30


class Webhook(models.Model):
    """An address of a seller's or a buyer's that is told of events; a secret signs each message."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey(
        "sellers.Seller", on_delete=models.PROTECT, null=True, related_name="webhooks"
    )
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="webhooks"
    )
    url = models.TextField()
    events = models.JSONField(default=list)
    sealed = models.BinaryField()
    # The secret before the last rotation, with which messages are signed as well for a while.
    sealed_before = models.BinaryField(null=True)
    before_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    asks_since = models.DateTimeField(db_default=Now())  # what happened earlier is not told to it
    failing_since = models.DateTimeField(null=True)  # the first failure after the last success
    disabled_at = models.DateTimeField(null=True)
    disabled_why = models.TextField(default="")
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(seller__isnull=True) ^ Q(buyer__isnull=True), name="webhook_of_one"
            ),
            models.CheckConstraint(
                condition=Q(sealed_before__isnull=True, before_until__isnull=True)
                | Q(sealed_before__isnull=False, before_until__isnull=False),
                name="webhook_overlap",
            ),
        )
        indexes = (
            models.Index(
                fields=("before_until",),
                condition=Q(before_until__isnull=False),
                name="webhook_overlap_over",
            ),
            models.Index(
                fields=("removed_at",),
                condition=Q(removed_at__isnull=False),
                name="webhook_removed",
            ),
        )

    def __str__(self) -> str:
        return self.url

    @property
    def host(self) -> str:
        """Where it is, short enough for a heading."""
        return urlsplit(self.url).netloc or self.url

    @property
    def secret_mark(self) -> str:
        """Which secret a page was opened with; it tells nothing of the secret, only of its seal."""
        return hashlib.sha256(bytes(self.sealed)).hexdigest()[:16]


class Delivery(models.Model):
    """One event for one address: the row is the job, and keeps what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id)
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries")
    event_id = models.TextField()
    event = models.TextField()
    subject = models.TextField()
    body = models.TextField()  # the very bytes that are signed and sent
    created_at = models.DateTimeField(auto_now_add=True)
    state = models.TextField(choices=State.choices, default=State.WAITING)
    next_attempt_at = models.DateTimeField(null=True)
    retry_until = models.DateTimeField()
    # Who sends it now; nobody once this is over, as when a worker died on it.
    claimed_until = models.DateTimeField(null=True)
    claims = models.IntegerField(default=0)  # guards what a late worker writes
    tries = models.IntegerField(default=0)  # since it was first sent, or sent again by hand
    attempts = models.JSONField(default=list)  # the last ones: at, status, ms, why, excerpt
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(fields=("webhook", "event_id"), name="delivery_event_once"),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "delivered", "failed")), name="delivery_state"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", next_attempt_at__isnull=False, done_at__isnull=True)
                | Q(~Q(state="waiting"), next_attempt_at__isnull=True, done_at__isnull=False),
                name="delivery_waits_or_is_done",
            ),
        )
        indexes = (
            models.Index(
                fields=("webhook", "next_attempt_at"),
                condition=Q(next_attempt_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(
                fields=("webhook", "claimed_until"),
                condition=Q(claimed_until__isnull=False),
                name="delivery_claimed",
            ),
            # The log, newest first: ids are made in the order of time.
            models.Index(fields=("webhook", "-id"), name="delivery_log"),
            models.Index(
                fields=("done_at",), condition=Q(done_at__isnull=False), name="delivery_done"
            ),
        )

    def __str__(self) -> str:
        return f"{self.event} {self.subject}"
