"""What sellers type before it is a listing, looks at their upstreams, and wallets they proved.

Only `sellers.drafting.worksheets`, `sellers.drafting.fetches`, `sellers.upstreams.looks`,
`sellers.payouts.payouts` and `sellers.profile.logos` write these.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from payments.ids import new_id
from payments.x402.networks import ADDRESS_PATTERN, ZERO_ADDRESS


class Worksheet(models.Model):
    """What a seller has typed for a listing so far; nobody else sees it."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey(
        "sellers.Seller", on_delete=models.PROTECT, related_name="worksheets"
    )
    # The listing it becomes, or changes; known beforehand, as secrets are sealed for a listing.
    listing_id = models.UUIDField(default=new_id, unique=True)
    of_listing = models.BooleanField(default=False)
    typed = models.JSONField(default=dict)
    sealed = models.JSONField(default=dict)  # header names and their encrypted values
    sealed_for = models.TextField(default="")  # the upstream whose secrets these are
    stamps = models.JSONField(default=dict)  # field: the version and the tab that wrote it last
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = (
            models.Index(fields=("seller", "-changed_at"), name="worksheet_of_seller"),
            models.Index(fields=("changed_at",), name="worksheet_oldest"),
        )

    def __str__(self) -> str:
        return str(self.typed.get("title") or self.typed.get("upstream_url") or "untitled")


class Look(models.Model):
    """One look at the upstream of a worksheet: what was asked, each step, and the answer."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        GOOD = "good"
        BAD = "bad"

    id = models.UUIDField(primary_key=True, default=new_id)
    worksheet = models.ForeignKey(Worksheet, on_delete=models.CASCADE, related_name="looks")
    state = models.TextField(choices=State.choices, default=State.WAITING)
    asked = models.JSONField()  # method, url, and the example's parts
    steps = models.JSONField(default=list)
    sample = models.JSONField(null=True)
    due_at = models.DateTimeField(
        default=timezone.now, null=True
    )  # when it may be taken; null: done
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "running", "good", "bad")), name="look_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("good", "bad"), due_at__isnull=True)
                | Q(state__in=("waiting", "running"), due_at__isnull=False),
                name="look_due",
            ),
        )
        indexes = (
            models.Index(fields=("worksheet", "-created_at"), name="look_newest"),
            models.Index(
                fields=("due_at",), condition=Q(due_at__isnull=False), name="look_waiting"
            ),
        )

    def __str__(self) -> str:
        return f"{self.state}, {len(self.steps)} steps"


class Fetch(models.Model):
    """A document that a seller named by its address, until it is read: the row is the job."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        GOOD = "good"
        BAD = "bad"

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="fetches")
    url = models.TextField()
    base_url = models.TextField(default="")
    state = models.TextField(choices=State.choices, default=State.WAITING)
    text = models.TextField(default="")
    why = models.TextField(default="")
    due_at = models.DateTimeField(default=timezone.now, null=True)  # null: done
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=("good", "bad"), due_at__isnull=True)
                | Q(state__in=("waiting", "running"), due_at__isnull=False),
                name="fetch_due",
            ),
        )
        indexes = (
            models.Index(fields=("seller", "-created_at"), name="fetch_newest"),
            models.Index(
                fields=("due_at",), condition=Q(due_at__isnull=False), name="fetch_waiting"
            ),
            models.Index(fields=("created_at",), name="fetch_oldest"),
        )

    def __str__(self) -> str:
        return f"{self.state}, {self.url}"


class Payout(models.Model):
    """A wallet that a seller showed to be theirs, by a signature, and may be paid into."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="payouts")
    address = models.TextField()
    network = models.TextField(default="")  # a contract's own; empty for a key, good everywhere
    proven_at = models.DateTimeField(auto_now_add=True)
    proof = models.JSONField()  # the text that was signed, and the signature: for the next question
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("seller", "address", "network"),
                condition=Q(revoked_at__isnull=True),
                name="payout_once",
            ),
            models.CheckConstraint(
                condition=Q(address__regex=ADDRESS_PATTERN) & ~Q(address=ZERO_ADDRESS),
                name="payout_address",
            ),
        )

    def __str__(self) -> str:
        return self.address

    def counts_on(self, network: str) -> bool:
        """Whether a price on this network may pay into it."""
        return self.network in ("", network)


class Logo(models.Model):
    """A small picture of a seller's, named by its hash, so that what was approved stays."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey("sellers.Seller", on_delete=models.PROTECT, related_name="logos")
    hash = models.TextField()
    content_type = models.TextField()
    picture = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("hash", "seller"), name="logo_once"),
            models.CheckConstraint(condition=Q(hash__regex=r"^[0-9a-f]{64}$"), name="logo_hash"),
            models.CheckConstraint(
                condition=Q(content_type__in=("image/png", "image/jpeg", "image/webp")),
                name="logo_type",
            ),
        )

    def __str__(self) -> str:
        return self.hash
