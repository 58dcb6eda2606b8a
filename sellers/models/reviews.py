"""What moderators do: what was seen of a proposal, who looks at it, what they said, and reports.

Only `proposals`, `holds`, `verdicts` and `reports` of `sellers.reviews` write these.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact, GreaterThan
from django.utils import timezone

from payments.ids import new_id

HASH_BYTES = 32
REPORT_CHARACTERS_MAX = 1_000


class Proposal(models.Model):
    """What was seen of a proposal on the day its seller submitted it; the newest of a listing."""

    listing = models.OneToOneField(
        "sellers.Listing", on_delete=models.PROTECT, primary_key=True, related_name="proposal"
    )
    revision = models.ForeignKey("sellers.Revision", on_delete=models.PROTECT, related_name="+")
    checks = models.JSONField(default=list)
    look = models.JSONField(null=True)  # the newest look at the endpoint, step by step
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{len(self.checks)} checks at {self.at}"


class Hold(models.Model):
    """One moderator looks at this listing; nobody else judges it until they let go."""

    listing = models.OneToOneField(
        "sellers.Listing", on_delete=models.CASCADE, primary_key=True, related_name="hold"
    )
    moderator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"held until {self.until}"


class Verdict(models.Model):
    """What a moderator said of a listing, to be carried out in its time; the row is the job."""

    class Kind(models.TextChoices):
        APPROVE = "approve", "approve"
        REFUSE = "refuse", "refuse"
        ASK = "ask", "ask for changes"
        SUSPEND = "suspend", "suspend"
        RESTORE = "restore", "restore"

    class Became(models.TextChoices):
        WAITING = "", "not in effect yet"
        DONE = "done", "in effect"
        COUNTED = "counted", "one of the two who have to say yes"
        UNDONE = "undone", "undone"
        FAILED = "failed", "not done"

    id = models.UUIDField(primary_key=True, default=new_id)
    listing = models.ForeignKey(
        "sellers.Listing", on_delete=models.PROTECT, related_name="verdicts", db_index=False
    )
    kind = models.TextField(choices=Kind.choices)
    revision_hash = models.BinaryField(max_length=HASH_BYTES, null=True)  # of what was looked at
    # Nobody when the operator's rules said it, or when that person's account is gone.
    moderator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    by_rules = models.BooleanField(default=False)
    reason = models.TextField(default="")
    submitted_at = models.DateTimeField(null=True)  # since when its seller had waited for it
    at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True)  # when it is carried out; null: it is over
    became = models.TextField(choices=Became.choices, default=Became.WAITING)
    why = models.TextField(default="")  # it was not done
    state_before = models.TextField(default="")  # of the listing, when it was suspended
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            # Two people never decide on one listing at once, whatever they hold.
            models.UniqueConstraint(
                fields=("listing",), condition=Q(due_at__isnull=False), name="verdict_one_waits"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("approve", "refuse", "ask", "suspend", "restore")),
                name="verdict_kind",
            ),
            models.CheckConstraint(
                condition=Q(became="", due_at__isnull=False)
                | Q(became__in=("done", "counted", "undone", "failed"), due_at__isnull=True),
                name="verdict_due",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("suspend", "restore"))
                | Q(Exact(Length("revision_hash"), HASH_BYTES), revision_hash__isnull=False),
                name="verdict_of_a_revision",
            ),
            models.CheckConstraint(
                condition=~Q(by_rules=True) | Q(kind="approve", moderator__isnull=True),
                name="verdict_rules_only_approve",
            ),
        )
        indexes = (
            models.Index(
                fields=("due_at",), condition=Q(due_at__isnull=False), name="verdict_due_next"
            ),
            models.Index(fields=("listing", "-at"), name="verdict_of_listing"),
            models.Index(fields=("moderator", "-at"), name="verdict_of_moderator"),
        )

    def __str__(self) -> str:
        return f"{self.kind}, {self.get_became_display()}"


class Report(models.Model):
    """What somebody says is wrong with a listing. Who they are is not kept."""

    class About(models.TextChoices):
        IMITATION = "imitation", "It pretends to be somebody else's"
        WRONG = "wrong", "Its answers are wrong, or not what is promised"
        HARMFUL = "harmful", "It is harmful, or against the law"
        TAKEN = "taken", "It sells what belongs to others"
        OTHER = "other", "Something else"

    id = models.UUIDField(primary_key=True, default=new_id)
    listing = models.ForeignKey(
        "sellers.Listing", on_delete=models.PROTECT, related_name="reports", db_index=False
    )
    about = models.TextField(choices=About.choices)
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    note = models.TextField(default="")  # what the moderators found; for moderators alone

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(about__in=("imitation", "wrong", "harmful", "taken", "other")),
                name="report_about",
            ),
            models.CheckConstraint(
                condition=~GreaterThan(Length("text"), REPORT_CHARACTERS_MAX), name="report_size"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | ~Q(note=""), name="report_closed_with_a_note"
            ),
        )
        indexes = (
            models.Index(
                fields=("listing", "-at"), condition=Q(closed_at__isnull=True), name="report_open"
            ),
            models.Index(fields=("at",), name="report_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.about} at {self.at}"
