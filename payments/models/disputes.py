"""Disputes about payments, every step they took, and the refunds that were found on chain.

Only `payments.disputes.cases` writes disputes and their steps, only `payments.refunds.naming`
and `payments.refunds.booking` write refunds.
They refer to their payment without a foreign key: a trigger keeps it from ever being deleted, and
adding the check would hold up every claim for a moment.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.ids import new_id
from payments.models.fields import atomic_field
from payments.written import hexadecimal

WORDS_CHARACTERS_MAX = 2_000
KEY_CHARACTERS_MAX = 128


class Reason(models.TextChoices):
    """Why a buyer wants money back, in the words of the x402 refund draft."""

    NOT_DELIVERED = "service_not_delivered", "No answer came"
    DEFECTIVE = "service_defective", "The answer was wrong or useless"
    DUPLICATE = "duplicate_payment", "I paid twice for the same"
    OVERCHARGE = "overcharge", "I was charged more than the price"
    CUSTOMER_REQUEST = "customer_request", "I no longer want it"
    OTHER = "other", "Something else"


class Case(models.TextChoices):
    """Where a dispute stands."""

    OPEN = "open"  # the seller's turn
    DUE = "due"  # the seller owes a refund: by their own word, or because no answer ever came
    REVIEW = "review"  # the admins' turn
    ORDERED = "ordered"  # an admin decided that a refund is due
    REFUNDED = "refunded"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    UNPAID = "unpaid"  # ordered, and not paid in time


class Side(models.TextChoices):
    """Who took a step."""

    PAYER = "payer"
    SELLER = "seller"
    ADMIN = "admin"
    CLOCK = "clock"
    CHAIN = "chain"


class Dispute(models.Model):
    """One case about one payment: the row is the job, with its deadline and its next check."""

    id = models.UUIDField(primary_key=True, default=new_id)
    payment = models.ForeignKey("payments.Payment", on_delete=models.PROTECT, db_constraint=False)
    seller_id = models.UUIDField()
    payer = models.TextField()
    opened_by = models.TextField(choices=Side.choices)
    opened_at = models.DateTimeField()
    reason = models.TextField(choices=Reason.choices)
    asked_atomic = atomic_field()
    idempotency_key = models.TextField(null=True)
    state = models.TextField(choices=Case.choices)
    version = models.IntegerField()
    ordered = models.BooleanField(default=False)  # an admin has decided for the payer
    deadline_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)
    searched_block = models.BigIntegerField()  # up to here the chain was searched for a refund
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(state__in=Case.values), name="dispute_state"),
            models.CheckConstraint(condition=Q(reason__in=Reason.values), name="dispute_reason"),
            models.CheckConstraint(
                condition=Q(opened_by__in=("payer", "clock")), name="dispute_opened_by"
            ),
            models.CheckConstraint(condition=Q(asked_atomic__gt=0), name="dispute_asked"),
            models.CheckConstraint(
                condition=Q(
                    state__in=("open", "due", "review", "ordered"),
                    closed_at__isnull=True,
                    next_check_at__isnull=False,
                )
                | Q(
                    state__in=("refunded", "rejected", "withdrawn", "unpaid"),
                    closed_at__isnull=False,
                    next_check_at__isnull=True,
                    deadline_at__isnull=True,
                ),
                name="dispute_open_or_closed",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("open", "due", "ordered")) | Q(deadline_at__isnull=False),
                name="dispute_deadline",
            ),
            models.UniqueConstraint(
                fields=("payment",),
                condition=Q(closed_at__isnull=True),
                name="dispute_one_open",
            ),
            models.UniqueConstraint(
                fields=("payment", "idempotency_key"), name="dispute_asked_once"
            ),
        )
        indexes = (
            models.Index(
                fields=("next_check_at",),
                condition=Q(next_check_at__isnull=False),
                name="dispute_due",
            ),
            models.Index(fields=("seller_id", "-id"), name="dispute_by_seller"),
            models.Index(fields=("payer", "-id"), name="dispute_by_payer"),
            models.Index(fields=("state", "id"), name="dispute_by_state"),
        )

    def __str__(self) -> str:
        return f"{self.reason} of {self.payment_id}"


class DisputeStep(models.Model):
    """One thing that was done or said in a case: its timeline, and the outbox of its news."""

    pk = models.CompositePrimaryKey("dispute_id", "version")
    dispute = models.ForeignKey(
        Dispute, on_delete=models.PROTECT, related_name="steps", db_index=False
    )
    version = models.IntegerField()
    at = models.DateTimeField()
    by = models.TextField(choices=Side.choices)
    state = models.TextField(choices=Case.choices)
    is_move = models.BooleanField()  # else something was said, and the case stands where it stood
    text = models.TextField(default="")
    told_at = models.DateTimeField(null=True)  # when the seller's pages and webhooks had it
    mail_at = models.DateTimeField(null=True)  # when a letter about it is to be written; null: done
    mail_tries = models.SmallIntegerField(default=0)  # of the version before: letters count theirs

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(by__in=Side.values), name="disputestep_by"),
        )
        indexes = (
            models.Index(
                fields=("at",), condition=Q(told_at__isnull=True), name="disputestep_untold"
            ),
            models.Index(
                fields=("mail_at",), condition=Q(mail_at__isnull=False), name="disputestep_unmailed"
            ),
        )

    def __str__(self) -> str:
        return f"{self.state}: {self.text}"


class Refund(models.Model):
    """Money that went back: a transfer on chain, from a wallet of the seller's to the payer."""

    class Found(models.TextChoices):
        NAMED = "named"  # somebody named a transaction; not found in a block yet
        SEEN = "seen"  # in a block, not deep enough
        CONFIRMED = "confirmed"  # deep enough, and booked
        REFUSED = "refused"  # it proves no refund of this payment

    id = models.UUIDField(primary_key=True, default=new_id)
    payment = models.ForeignKey("payments.Payment", on_delete=models.PROTECT, db_constraint=False)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="refunds")
    seller_id = models.UUIDField()
    paid_at = models.DateTimeField()  # when the payment was made, for sums by day
    is_unanswered = models.BooleanField()  # it gives back what was paid without an answer
    network = models.TextField()
    asset = models.TextField()
    transaction = models.BinaryField(max_length=32)
    named_by = models.TextField(choices=Side.choices)
    named_at = models.DateTimeField()
    state = models.TextField(choices=Found.choices)
    version = models.IntegerField(default=1)
    log_place = models.IntegerField(null=True)  # of the transfer, among its transaction's events
    sender = models.TextField(default="")
    amount_atomic = atomic_field(null=True)
    block_number = models.BigIntegerField(null=True)
    block_hash = models.BinaryField(max_length=32, null=True)
    why = models.TextField(default="")  # it was refused
    next_check_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=("named", "seen", "confirmed", "refused")),
                name="refund_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("seen", "confirmed"))
                | Q(
                    log_place__isnull=False,
                    amount_atomic__gt=0,
                    block_number__isnull=False,
                    block_hash__isnull=False,
                ),
                name="refund_proven",
            ),
            models.CheckConstraint(
                condition=Q(state="refused", next_check_at__isnull=True)
                | Q(state__in=("named", "seen"), next_check_at__isnull=False)
                | Q(state="confirmed"),
                name="refund_looked_at",
            ),
            # A transfer proves one refund; a transaction is named once for a payment.
            models.UniqueConstraint(
                fields=("network", "transaction", "log_place"),
                condition=Q(log_place__isnull=False),
                name="refund_proves_once",
            ),
            models.UniqueConstraint(
                fields=("payment", "transaction"),
                condition=~Q(state="refused"),
                name="refund_named_once",
            ),
        )
        indexes = (
            models.Index(
                fields=("next_check_at",),
                condition=Q(next_check_at__isnull=False),
                name="refund_due",
            ),
            models.Index(fields=("transaction",), name="refund_by_transaction"),
            models.Index(
                fields=("seller_id", "paid_at"),
                condition=Q(state="confirmed"),
                name="refund_by_seller",
            ),
        )

    def __str__(self) -> str:
        return hexadecimal(self.transaction)
