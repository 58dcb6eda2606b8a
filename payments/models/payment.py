"""Payments: what a buyer promised, how far it has come, and each step on the way.

What every paid call writes refers to its payment without a foreign key, here and in the tables of
answers, sums and the ledger: the statements take the payment's id from its own row, which a
trigger keeps from ever being deleted, so the check could not fail, and it would lock that row once
for each line.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.ids import new_id
from payments.models.fields import atomic_field


class Work(models.TextChoices):
    OPEN = "open"
    ANSWERED = "answered"
    VOID = "void"


class Money(models.TextChoices):
    NONE = "none"
    BROADCAST = "broadcast"
    SETTLED = "settled"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Payment(models.Model):
    """What one buyer promised for one call. Written once; only its signature is ever wiped."""

    id = models.UUIDField(primary_key=True, default=new_id)
    identity = models.BinaryField(max_length=16, unique=True)
    created_at = models.DateTimeField()

    network = models.TextField()
    scheme = models.TextField()
    asset = models.TextField()
    payer = models.TextField()
    pay_to = models.TextField()
    amount_atomic = atomic_field()
    nonce = models.BinaryField(max_length=32)
    valid_after = models.BigIntegerField()
    valid_before = models.BigIntegerField()
    signature = models.BinaryField(null=True)
    payer_has_code = models.BooleanField()
    claimed_block = models.BigIntegerField()
    protocol_version = models.SmallIntegerField()

    fingerprint = models.BinaryField(max_length=32)
    revision_hash = models.BinaryField(max_length=32)
    method = models.TextField()
    url = models.TextField()
    body_hash = models.BinaryField(max_length=32)
    identifier_hash = models.BinaryField(max_length=32, null=True)

    seller_id = models.UUIDField()
    listing_id = models.UUIDField()
    listing_path = models.TextField()
    title = models.TextField()
    release = models.TextField()
    answer_keep_days = models.SmallIntegerField()
    caps = models.JSONField(default=list)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_atomic__gt=0), name="payment_amount"),
            models.CheckConstraint(
                condition=Q(release__in=("hold", "instant", "upfront")), name="payment_release"
            ),
        )
        indexes = (
            models.Index(fields=("listing_id", "created_at"), name="payment_by_listing"),
            models.Index(fields=("seller_id", "created_at"), name="payment_by_seller"),
            models.Index(fields=("payer", "created_at"), name="payment_by_payer"),
            models.Index(
                fields=("identifier_hash", "payer"),
                condition=Q(identifier_hash__isnull=False),
                name="payment_by_identifier",
            ),
        )


class Progress(models.Model):
    """How far a payment has come: the work, the money, and when to look again."""

    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
    network = models.TextField()
    work = models.TextField(choices=Work.choices)
    money = models.TextField(choices=Money.choices)
    version = models.IntegerField()
    attempt = models.SmallIntegerField(default=1)
    definite_failures = models.SmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)  # by a settler, to be sent
    put_off = models.BooleanField(db_default=False)  # tried, and did not go through
    abandoned_at = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True)
    identifier_misses = models.SmallIntegerField(default=0)
    alone = models.BooleanField(default=False)
    on_trust = models.BooleanField(db_default=False)  # its answer leaves before the money moves
    relayer = models.ForeignKey(
        "Relayer", on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False
    )
    relayer_nonce = models.BigIntegerField(null=True)
    facilitator = models.TextField(null=True)  # who was given it, and may have submitted it
    transaction = models.BinaryField(max_length=32, null=True)
    block_number = models.BigIntegerField(null=True)
    block_hash = models.BinaryField(max_length=32, null=True)
    closed_at = models.DateTimeField(null=True)
    sought = models.BinaryField(max_length=16, null=True)  # payer and request, in short

    class Meta:
        verbose_name_plural = "progress"
        constraints = (
            models.CheckConstraint(condition=Q(work__in=Work.values), name="progress_work"),
            models.CheckConstraint(condition=Q(money__in=Money.values), name="progress_money"),
            models.CheckConstraint(
                condition=~Q(work="void", money="broadcast"), name="progress_void_unsent"
            ),
            models.CheckConstraint(
                condition=~Q(work="open") | Q(lease_until__isnull=False),
                name="progress_open_leased",
            ),
            models.CheckConstraint(
                condition=~Q(money__in=("settled", "confirmed"))
                | Q(
                    transaction__isnull=False, block_number__isnull=False, block_hash__isnull=False
                ),
                name="progress_settled_proven",
            ),
            models.CheckConstraint(
                condition=~Q(money="broadcast")
                | Q(relayer__isnull=False, relayer_nonce__isnull=False)
                | Q(facilitator__isnull=False),
                name="progress_broadcast_carried",
            ),
        )
        indexes = (
            models.Index(
                fields=("network", "next_check_at"),
                condition=Q(next_check_at__isnull=False),
                name="progress_due",
            ),
            # What is to be sent: the fresh apart from what was tried, which may be any number.
            models.Index(
                fields=("network", "put_off", "next_check_at"),
                condition=Q(next_check_at__isnull=False)
                & ~Q(work="void")
                & ~Q(money__in=("settled", "confirmed")),
                name="progress_to_send",
            ),
            models.Index(fields=("lease_until",), condition=Q(work="open"), name="progress_leases"),
            models.Index(
                fields=("relayer", "relayer_nonce"),
                condition=Q(relayer__isnull=False),
                name="progress_by_nonce",
            ),
            # A refund is due for each: the few that disputes are opened about.
            models.Index(
                fields=("payment",),
                condition=Q(work="void", money="confirmed"),
                name="progress_unanswered",
            ),
            # What a buyer may have gone away from: few, however often they ask the same.
            models.Index(
                fields=("sought", "payment"),
                condition=Q(collected_at__isnull=True) & ~Q(work="void") & ~Q(money="failed"),
                name="progress_sought",
            ),
        )


class Step(models.Model):
    """One change of a payment: the timeline people see, the audit trail and the outbox."""

    pk = models.CompositePrimaryKey("payment_id", "version", "at")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, db_constraint=False)
    version = models.IntegerField()
    at = models.DateTimeField()
    work = models.TextField()
    money = models.TextField()
    why = models.TextField()
    detail = models.JSONField(default=dict)

    class Meta:
        managed = False  # partitioned by month; see the first migration
        db_table = "payments_step"


class StepMark(models.Model):
    """How far one reader of the steps has come; whoever reads holds the row."""

    reader = models.TextField(primary_key=True)
    read_until = models.DateTimeField()  # every step before this time was read
    noted_at = models.DateTimeField()
    noted_xid = models.BigIntegerField()  # the next transaction's number at that time
