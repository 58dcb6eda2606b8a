"""How payments get on chain: our keys and their transactions, or somebody else's; and the gas."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.ids import new_id
from payments.models.fields import atomic_field
from payments.models.payment import Payment


class Relayer(models.Model):
    """A key that pays gas on one network, and the next transaction number it will use."""

    network = models.TextField()
    address = models.TextField()
    next_nonce = models.BigIntegerField()
    stopped_why = models.TextField(default="")
    balance_wei = atomic_field(null=True)
    balance_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("network", "address"), name="relayer_once"),
            models.CheckConstraint(condition=Q(next_nonce__gte=0), name="relayer_nonce"),
        )


class Broadcast(models.Model):
    """One signed transaction of ours, stored before it was ever sent."""

    class Kind(models.TextChoices):
        SINGLE = "single"
        BATCH = "batch"
        FILLER = "filler"

    id = models.UUIDField(primary_key=True, default=new_id)
    # Without an index of its own: a plan would take it and read all that its key ever sent.
    relayer = models.ForeignKey(Relayer, on_delete=models.PROTECT, db_index=False)
    nonce = models.BigIntegerField()
    variant = models.SmallIntegerField()
    kind = models.TextField(choices=Kind.choices)
    transaction = models.BinaryField(max_length=32, unique=True)
    raw = models.BinaryField(null=True)  # wiped some days after it was final
    gas_limit = models.BigIntegerField()
    max_fee_wei = atomic_field()
    priority_fee_wei = atomic_field()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    mined_block = models.BigIntegerField(null=True)
    mined_hash = models.BinaryField(max_length=32, null=True)
    gas_cost_wei = atomic_field(null=True)
    final_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("relayer", "nonce", "variant"), name="broadcast_one_nonce"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("single", "batch", "filler")), name="broadcast_kind"
            ),
            models.CheckConstraint(
                condition=Q(raw__isnull=False) | Q(final_at__isnull=False),
                name="broadcast_sendable",
            ),
        )
        indexes = (
            models.Index(
                fields=("relayer", "nonce"),
                condition=Q(final_at__isnull=True),
                name="broadcast_watched",
            ),
            models.Index(
                fields=("relayer", "nonce"),
                condition=Q(final_at__isnull=True, mined_block__isnull=True),
                name="broadcast_waiting",
            ),
            models.Index(
                fields=("relayer", "mined_block"),
                condition=Q(final_at__isnull=True, mined_block__isnull=False),
                name="broadcast_mined",
            ),
            models.Index(
                fields=("mined_hash",),
                condition=Q(final_at__isnull=True, mined_hash__isnull=False),
                name="broadcast_by_block",
            ),
            models.Index(
                fields=("final_at",),
                condition=Q(final_at__isnull=False, raw__isnull=False),
                name="broadcast_raw_kept",
            ),
        )


class Submission(models.Model):
    """One time a payment was given to a facilitator: written down before it was asked."""

    class Outcome(models.TextChoices):
        """What came of it, as far as its word goes. Only `unsent` says that nothing was done."""

        UNKNOWN = "unknown"  # asked, and no word that can be read
        UNSENT = "unsent"
        SETTLED = "settled"  # so it says, and names a transaction
        PENDING = "pending"
        REFUSED = "refused"
        DISPROVED = "disproved"  # the chain has the transaction it named, and it pays nothing

    pk = models.CompositePrimaryKey("payment_id", "number")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, db_index=False)
    number = models.SmallIntegerField()
    facilitator = models.TextField()
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    outcome = models.TextField(choices=Outcome.choices)
    transaction = models.BinaryField(max_length=32, null=True)
    said = models.TextField(default="")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    outcome__in=("unknown", "unsent", "settled", "pending", "refused", "disproved")
                ),
                name="submission_outcome",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="submission_number"),
        )


class FailedSend(models.Model):
    """A transaction of ours that was mined and did not pay this payment: gas spent in vain."""

    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    payer = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("payer", "at"), name="failedsend_by_payer"),
            models.Index(fields=("at",), name="failedsend_by_time"),
        )


class GasUse(models.Model):
    """What settling for one seller cost in gas on one day: the operator's money, counted."""

    network = models.TextField()
    seller_id = models.UUIDField()
    day = models.DateField()
    gas_wei = atomic_field()
    payments = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "gas use"
        constraints = (
            models.UniqueConstraint(fields=("day", "network", "seller_id"), name="gasuse_once"),
        )
