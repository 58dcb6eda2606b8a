"""Ledger and receipts. Only `payments.ledger` and `payments.receipts.issuing` write them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.ids import new_id
from payments.models.fields import atomic_field
from payments.models.payment import Payment


class Transfer(models.Model):
    """One line of the ledger: money from a buyer to a seller, or its undoing. Never changed."""

    class Phase(models.TextChoices):
        PENDING = "pending"
        POST = "post"
        VOID = "void"
        REVERSE = "reverse"
        REFUND = "refund"

    id = models.UUIDField(primary_key=True, default=new_id)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    debit = models.TextField()
    credit = models.TextField()
    network = models.TextField()
    asset = models.TextField()
    amount_atomic = atomic_field()
    phase = models.TextField(choices=Phase.choices)
    version = models.IntegerField()
    at = models.DateTimeField()
    transaction = models.BinaryField(max_length=32, null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_atomic__gt=0), name="transfer_amount"),
            models.CheckConstraint(
                condition=Q(phase__in=("pending", "post", "void", "reverse", "refund")),
                name="transfer_phase",
            ),
            models.UniqueConstraint(
                fields=("payment", "phase", "version"), name="transfer_once_a_change"
            ),
            models.UniqueConstraint(
                fields=("payment",), condition=Q(phase="pending"), name="transfer_one_pending"
            ),
        )


class Receipt(models.Model):
    """Our signed statement about a payment; a later version supersedes an earlier one."""

    pk = models.CompositePrimaryKey("payment_id", "version")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    version = models.IntegerField()
    issued_at = models.DateTimeField()
    jws = models.TextField()
