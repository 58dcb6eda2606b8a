"""Who sells what, at which price.

Listings are written by `sellers.listings` and `sellers.reviews.judging`, revisions and their prices
by `sellers.on_sale.revisions`, secrets by `sellers.upstream_secrets`, the shelf's number by
`sellers.on_sale.shelving`.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Lower
from django.db.models.lookups import Exact, GreaterThan

from payments.ids import new_id
from payments.models.fields import atomic_field
from payments.x402.networks import ADDRESS_PATTERN, ZERO_ADDRESS

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SLUG_CHARACTERS_MAX = 48
ABOUT_CHARACTERS_MAX = 500
HASH_BYTES = 32


class Seller(models.Model):
    """Somebody who sells here; the slug is part of every address of theirs and never changes."""

    id = models.UUIDField(primary_key=True, default=new_id)
    slug = models.TextField(unique=True)
    name = models.TextField()
    # Who signs in for this seller; nobody for those that the operator's commands opened.
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="seller"
    )
    # What they say of themselves: `sellers.profile.profiles` cleans and writes it.
    about = models.TextField(default="", db_default="")
    website = models.TextField(default="", db_default="")
    contact = models.TextField(default="", db_default="")
    logo = models.TextField(default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~GreaterThan(Length("about"), ABOUT_CHARACTERS_MAX),
                name="seller_about_size",
            ),
            models.CheckConstraint(condition=Q(slug__regex=SLUG), name="seller_slug"),
            models.CheckConstraint(
                condition=~GreaterThan(Length("slug"), SLUG_CHARACTERS_MAX), name="seller_slug_size"
            ),
        )

    def __str__(self) -> str:
        return self.slug


class Listing(models.Model):
    """A thing for sale. What is sold is its live revision; what is proposed waits beside it."""

    class State(models.TextChoices):
        DRAFT = "draft"
        IN_REVIEW = "in_review"
        LIVE = "live"
        PAUSED = "paused"
        SUSPENDED = "suspended"
        RETIRED = "retired"

    id = models.UUIDField(primary_key=True, default=new_id)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="listings")
    slug = models.TextField()
    state = models.TextField(choices=State.choices, default=State.DRAFT)
    live_revision = models.ForeignKey(
        "Revision", on_delete=models.PROTECT, null=True, related_name="+"
    )
    proposed_revision = models.ForeignKey(
        "Revision", on_delete=models.PROTECT, null=True, related_name="+"
    )
    submitted_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")
    shelf_version = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("seller", "slug"), name="listing_slug_once"),
            models.CheckConstraint(condition=Q(slug__regex=SLUG), name="listing_slug"),
            models.CheckConstraint(
                condition=~GreaterThan(Length("slug"), SLUG_CHARACTERS_MAX),
                name="listing_slug_size",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=("draft", "in_review", "live", "paused", "suspended", "retired")
                ),
                name="listing_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("live", "paused")) | Q(live_revision__isnull=False),
                name="listing_sold_is_approved",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("draft", "in_review")) | Q(live_revision__isnull=True),
                name="listing_draft_never_sold",
            ),
            models.CheckConstraint(
                condition=~Q(state="in_review") | Q(submitted_at__isnull=False),
                name="listing_review_submitted",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True) | Q(proposed_revision__isnull=False),
                name="listing_submitted_proposal",
            ),
        )
        indexes = (
            # What a process's shelf asks four times a second.
            models.Index(fields=("shelf_version",), name="listing_shelf_version"),
            models.Index(fields=("-created_at",), condition=Q(state="live"), name="listing_newest"),
            models.Index(
                fields=("submitted_at",),
                condition=Q(submitted_at__isnull=False),
                name="listing_to_review",
            ),
        )

    def __str__(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        return f"{self.seller.slug}/{self.slug}"


class Revision(models.Model):
    """One immutable version of a listing's terms. A trigger refuses every change."""

    id = models.UUIDField(primary_key=True, default=new_id)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="revisions")
    number = models.IntegerField()
    terms = models.JSONField()
    hash = models.BinaryField(max_length=HASH_BYTES)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("listing", "number"), name="revision_number_once"),
            models.UniqueConstraint(fields=("listing", "hash"), name="revision_hash_once"),
            models.CheckConstraint(
                condition=Exact(Length("hash"), HASH_BYTES), name="revision_hash_size"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="revision_number"),
        )

    def __str__(self) -> str:
        return f"revision {self.number}"


class Price(models.Model):
    """One accepted way to pay for a revision: a searchable copy of what its terms fix."""

    id = models.UUIDField(primary_key=True, default=new_id)
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="prices")
    network = models.TextField()
    scheme = models.TextField()
    asset = models.TextField()
    amount_atomic = atomic_field()
    pay_to = models.TextField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("revision", "network", "scheme", "asset"), name="price_once"
            ),
            models.CheckConstraint(condition=Q(amount_atomic__gt=0), name="price_amount"),
            models.CheckConstraint(condition=Q(scheme="exact"), name="price_scheme"),
            models.CheckConstraint(condition=Q(asset__regex=ADDRESS_PATTERN), name="price_asset"),
            models.CheckConstraint(
                condition=Q(pay_to__regex=ADDRESS_PATTERN) & ~Q(pay_to=ZERO_ADDRESS),
                name="price_pay_to",
            ),
            models.CheckConstraint(
                condition=~Exact(Lower("pay_to"), Lower(F("asset"))), name="price_not_to_token"
            ),
        )
        indexes = (models.Index(fields=("pay_to",), name="price_by_pay_to"),)

    def __str__(self) -> str:
        return f"{self.amount_atomic} of {self.asset} on {self.network}"


class SignedOffers(models.Model):
    """The prices of a revision as the site last signed them: each a JWS, good for some minutes."""

    revision = models.OneToOneField(
        Revision, on_delete=models.PROTECT, primary_key=True, related_name="signed"
    )
    jws = models.JSONField()
    valid_until_unix = models.BigIntegerField()
    signed_at = models.DateTimeField()

    class Meta:
        # What every door asks each few seconds: what was signed since.
        indexes = (models.Index(fields=("signed_at",), name="signedoffers_by_time"),)

    def __str__(self) -> str:
        return f"{len(self.jws)} prices signed until {self.valid_until_unix}"


class ShelfVersion(models.Model):
    """One number, raised by everything that changes what is for sale. Doors watch it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="shelfversion_one_row"),)

    def __str__(self) -> str:
        return str(self.version)
