"""The tables of money. Their columns cannot be changed cheaply later.

Django owns the schema and the pages' reads; every write that concerns money goes through
`acceptance`, `states`, `settlement`, `relayer` and `ledger` in plain SQL on these tables.

What every paid call writes refers to its payment without a foreign key: the statements take the
payment's id from its own row, which a trigger keeps from ever being deleted, so the check could
not fail, and it would lock that row once for each line.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.audit_entries import AuditEntry as AuditEntry
from payments.audit_entries import AuditHead as AuditHead
from payments.audit_rows import LostPayment as LostPayment
from payments.audit_rows import Reconciliation as Reconciliation
from payments.dispute_rows import Case as Case
from payments.dispute_rows import Dispute as Dispute
from payments.dispute_rows import DisputeStep as DisputeStep
from payments.dispute_rows import Reason as Reason
from payments.dispute_rows import Refund as Refund
from payments.dispute_rows import Side as Side
from payments.ids import new_id
from payments.limit_rows import AlertWish as AlertWish
from payments.limit_rows import Limit as Limit
from payments.limit_rows import LimitAlert as LimitAlert
from payments.limit_rows import LimitGroup as LimitGroup

ATOMIC_DIGITS = 78  # 2^256 has 78 decimal digits


def atomic_field(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=ATOMIC_DIGITS, decimal_places=0, **options)


def sum_field() -> models.DecimalField[Any, Any]:
    """Of as many amounts as there may ever be."""
    return models.DecimalField(max_digits=ATOMIC_DIGITS + 18, decimal_places=0)


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


class Answer(models.Model):
    """What the seller answered: its facts for good, its body until `keep_until`."""

    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
    stored_at = models.DateTimeField()
    keep_until = models.DateField()
    status = models.SmallIntegerField()
    headers = models.JSONField()
    content_type = models.TextField()
    body_bytes = models.BigIntegerField()
    body_hash = models.BinaryField(max_length=32)
    upstream_ms = models.IntegerField()


class AnswerBody(models.Model):
    """An answer's bytes, dropped a day at a time."""

    pk = models.CompositePrimaryKey("payment_id", "keep_until")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, db_constraint=False)
    keep_until = models.DateField()
    body = models.BinaryField()

    class Meta:
        managed = False  # partitioned by day; see the first migration
        db_table = "payments_answerbody"


class OpenOffer(models.Model):
    """What may be claimed right now; opened and closed together with a listing's state."""

    id = models.UUIDField(primary_key=True, default=new_id)
    listing_id = models.UUIDField()
    revision_hash = models.BinaryField(max_length=32)
    network = models.TextField()
    scheme = models.TextField()
    asset = models.TextField()
    pay_to = models.TextField()
    amount_atomic = atomic_field()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_atomic__gt=0), name="openoffer_amount"),
        )
        indexes = (
            models.Index(fields=("listing_id",), name="openoffer_by_listing"),
            models.Index(
                fields=("closed_at",),
                condition=Q(closed_at__isnull=False),
                name="openoffer_closed",
            ),
        )


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
    relayer = models.ForeignKey(Relayer, on_delete=models.PROTECT)
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


class ChainHealth(models.Model):
    """What the settler last saw of a network, and why new calls are refused, if they are."""

    network = models.TextField(primary_key=True)
    head_number = models.BigIntegerField()
    head_hash = models.BinaryField(max_length=32)
    head_time = models.DateTimeField()
    seen_at = models.DateTimeField()
    refusing_why = models.TextField(default="")

    class Meta:
        verbose_name_plural = "chain health"


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


class ChallengeCount(models.Model):
    """About how often a listing was quoted in one minute: counted in memory, then added up."""

    listing_id = models.UUIDField()
    minute = models.DateTimeField()
    challenges = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("listing_id", "minute"), name="challengecount_once"),
        )
        indexes = (models.Index(fields=("minute",), name="challengecount_by_minute"),)


class ChallengeDay(models.Model):
    """About how often a listing was quoted on one day: the same counts, added up further."""

    listing_id = models.UUIDField()
    day = models.DateField()
    challenges = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("listing_id", "day"), name="challengeday_once"),
        )


class Counted(models.Model):
    """What the sums of earnings hold of one payment: its facts as of one of its steps."""

    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
    version = models.IntegerField()
    seller_id = models.UUIDField()
    listing_id = models.UUIDField()
    created_at = models.DateTimeField()
    work = models.TextField()
    money = models.TextField()
    cause = models.TextField()

    class Meta:
        verbose_name_plural = "counted"
        indexes = (
            models.Index(
                fields=("seller_id", "work", "money", "created_at", "payment"),
                name="counted_by_seller",
            ),
            models.Index(
                fields=("listing_id", "work", "money", "created_at", "payment"),
                name="counted_by_listing",
            ),
        )


class EarningsDay(models.Model):
    """What was sold on one day: so many payments of one listing, token and state, and their sum."""

    seller_id = models.UUIDField()
    listing_id = models.UUIDField()
    day = models.DateField()  # of the claim, in UTC
    network = models.TextField()
    asset = models.TextField()
    work = models.TextField()
    money = models.TextField()
    cause = models.TextField()  # why nothing was charged; empty for all others
    payments = models.BigIntegerField()
    amount_atomic = sum_field()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "seller_id",
                    "day",
                    "listing_id",
                    "network",
                    "asset",
                    "work",
                    "money",
                    "cause",
                ),
                name="earningsday_once",
            ),
            models.CheckConstraint(condition=Q(payments__gte=0), name="earningsday_payments"),
            models.CheckConstraint(condition=Q(amount_atomic__gte=0), name="earningsday_amount"),
        )
        indexes = (
            models.Index(fields=("day",), condition=Q(payments=0), name="earningsday_empty"),
        )  # fmt: skip


class BuyerDay(models.Model):
    """What one wallet has paid for one listing on one day."""

    seller_id = models.UUIDField()
    listing_id = models.UUIDField()
    day = models.DateField()
    payer = models.TextField()
    network = models.TextField()
    asset = models.TextField()
    payments = models.BigIntegerField()
    amount_atomic = sum_field()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("seller_id", "day", "payer", "listing_id", "network", "asset"),
                name="buyerday_once",
            ),
            models.CheckConstraint(condition=Q(payments__gte=0), name="buyerday_payments"),
            models.CheckConstraint(condition=Q(amount_atomic__gte=0), name="buyerday_amount"),
        )
        indexes = (
            models.Index(fields=("day",), condition=Q(payments=0), name="buyerday_empty"),
            models.Index(fields=("payer", "day"), name="buyerday_by_payer"),
        )


class BuyersLook(models.Model):
    """Who paid a seller most in some days, as the worker counted it last: the row is the job."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller_id = models.UUIDField()
    asked = models.JSONField()  # first, last, listing, network
    asked_at = models.DateTimeField(auto_now_add=True)
    found = models.JSONField(null=True)
    made_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # when it may be taken; null: nothing to do

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("seller_id", "asked"), name="buyerslook_once"),
        )
        indexes = (
            models.Index(
                fields=("due_at",), condition=Q(due_at__isnull=False), name="buyerslook_due"
            ),
            models.Index(fields=("asked_at",), name="buyerslook_by_time"),
        )


class EarningsVersion(models.Model):
    """How often a seller's sums have changed: what an open page compares with."""

    seller_id = models.UUIDField(primary_key=True)
    version = models.BigIntegerField()


class StepMark(models.Model):
    """How far one reader of the steps has come; whoever reads holds the row."""

    reader = models.TextField(primary_key=True)
    read_until = models.DateTimeField()  # every step before this time was read
    noted_at = models.DateTimeField()
    noted_xid = models.BigIntegerField()  # the next transaction's number at that time


class Heartbeat(models.Model):
    """When a part of the worker was last seen alive."""

    name = models.TextField(primary_key=True)
    at = models.DateTimeField()


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


class UsedNonce(models.Model):
    """A sign-in text that a wallet has answered: it is good for one proof only."""

    nonce = models.BinaryField(max_length=32, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)


class Tries(models.Model):
    """How often something was tried: a name, a network, a key. None can be read from it."""

    key = models.BinaryField(max_length=32, primary_key=True)
    count = models.IntegerField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "accounts_tries"  # where it was when only sign-ins were counted
        verbose_name_plural = "tries"
