"""How much value may be out and unpaid, and what of it was lost."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.models.fields import atomic_field
from payments.models.payment import Payment


class Cap(models.Model):
    """How much value is out and unpaid under one key, and how far its payer is trusted."""

    key = models.TextField(primary_key=True)
    used_atomic = atomic_field(default=0)
    on_trust_atomic = atomic_field(db_default=0)  # of it, and lost lately: answers that have left
    earned_atomic = atomic_field(db_default=0)  # a payer's: all that was confirmed
    lost_at = models.DateTimeField(null=True)  # a payer's: the first failure ended the trust
    used_at = models.DateTimeField(db_default=Now())
    rules_version = models.IntegerField(db_default=0)  # a payer's: of the owner's rules, lately

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(used_atomic__gte=0), name="cap_used"),
            models.CheckConstraint(condition=Q(on_trust_atomic__gte=0), name="cap_on_trust"),
            models.CheckConstraint(condition=Q(earned_atomic__gte=0), name="cap_earned"),
        )


class Loss(models.Model):
    """An answer that left on trust and was never paid; it fills its caps until forgiven."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, primary_key=True)
    lost_at = models.DateTimeField()
    forgiven_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "losses"
        indexes = (
            models.Index(
                fields=("lost_at",), condition=Q(forgiven_at__isnull=True), name="loss_standing"
            ),
        )
