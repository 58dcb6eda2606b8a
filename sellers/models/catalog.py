"""What is for sale, as it is searched, and what changed of it.

Only `sellers.on_sale.entries` writes what is sold, for `sellers.on_sale.shelving` and in the
transaction of the change; only `sellers.market.figures` writes the figures.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from sellers.categories import CATEGORIES

UNKNOWN_MS = 2**31 - 1  # of what nobody called yet: slower than anything


class CatalogEntry(models.Model):
    """One listing as it is found. The prices that are shown are the open offers', not these."""

    listing = models.OneToOneField(
        "sellers.Listing", on_delete=models.PROTECT, primary_key=True, related_name="entry"
    )
    sold = models.BooleanField()
    revision = models.ForeignKey("sellers.Revision", on_delete=models.PROTECT, related_name="+")
    path = models.TextField(unique=True)
    seller_slug = models.TextField()
    # The texts that are searched. Their index, `search`, is a generated column of the table that
    # only SQL knows.
    title = models.TextField()
    names = models.TextField()  # short name, tags, category and path
    description = models.TextField()
    seller_name = models.TextField()
    category = models.TextField(blank=True)
    # "tag:weather", "network:eip155:8453", "method:GET", …: everything that is equal or is not.
    facets: ArrayField[Any, Any] = ArrayField(models.TextField())
    cheapest = models.DecimalField(max_digits=36, decimal_places=18)  # in dollars
    listed_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    calls_24h = models.IntegerField(default=0)
    calls_7d = models.IntegerField(default=0)
    calls_30d = models.IntegerField(default=0)
    calls_by_day: ArrayField[Any, Any] = ArrayField(
        models.IntegerField(), default=list, db_default=[]
    )
    payers_24h = models.IntegerField(default=0, db_default=0)
    payers_7d = models.IntegerField(default=0, db_default=0)
    payers_30d = models.IntegerField(default=0)
    top_payer_share = models.FloatField(default=0)
    self_paid = models.BooleanField(default=False)
    success_24h = models.FloatField(null=True)
    success_7d = models.FloatField(null=True)
    success_30d = models.FloatField(null=True)
    p50_ms_24h = models.IntegerField(null=True)
    p50_ms_7d = models.IntegerField(null=True)
    p50_ms_30d = models.IntegerField(null=True)
    last_called_at = models.DateTimeField(null=True)
    last_verified_at = models.DateTimeField(null=True)
    score = models.IntegerField(default=0)
    latency = models.IntegerField(default=UNKNOWN_MS)  # p50_ms_7d, to sort by

    class Meta:
        verbose_name_plural = "catalog entries"
        constraints = (
            models.CheckConstraint(
                condition=Q(category__in=("", *CATEGORIES)), name="catalogentry_category"
            ),
            models.CheckConstraint(condition=Q(cheapest__gte=0), name="catalogentry_cheapest"),
            models.CheckConstraint(
                condition=Q(score__gte=0, score__lte=1_000), name="catalogentry_score"
            ),
        )
        indexes = (
            GinIndex(fields=("facets",), name="catalogentry_facets"),
            # A page of each order goes on where the last one ended.
            *(
                models.Index(
                    fields=(key, "listing"), condition=Q(sold=True), name=f"catalogentry_{name}"
                )
                for key, name in (
                    ("-score", "score"),
                    ("cheapest", "price"),
                    ("latency", "latency"),
                    ("-calls_30d", "volume"),
                    ("-listed_at", "newest"),
                )
            ),
            models.Index(fields=("seller_slug",), name="catalogentry_seller"),
            models.Index(
                fields=("category",), condition=Q(sold=True), name="catalogentry_category_sold"
            ),
        )

    def __str__(self) -> str:
        return self.path


class CatalogChange(models.Model):
    """One change of what is for sale. Its number is the shelf's version: in commit order."""

    class Kind(models.TextChoices):
        CREATED = "created"  # for sale, for the first time or again
        PRICE_CHANGED = "price_changed"
        CHANGED = "changed"
        PAUSED = "paused"
        REMOVED = "removed"

    version = models.BigIntegerField(primary_key=True)
    listing_id = models.UUIDField()
    path = models.TextField()
    kind = models.TextField(choices=Kind.choices)
    revision = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=("created", "price_changed", "changed", "paused", "removed")),
                name="catalogchange_kind",
            ),
        )
        indexes = (models.Index(fields=("at",), name="catalogchange_by_time"),)

    def __str__(self) -> str:
        return f"{self.path} {self.kind}"


class SoldRevision(models.Model):
    """When a revision began to be sold: the history of prices that everybody may see.

    Revisions that were never approved are in no history.
    """

    listing = models.ForeignKey(
        "sellers.Listing", on_delete=models.PROTECT, related_name="sold_revisions", db_index=False
    )
    revision = models.ForeignKey("sellers.Revision", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("listing", "-at"), name="soldrevision_of_listing"),)

    def __str__(self) -> str:
        return f"sold since {self.at}"


class CatalogTrade(models.Model):
    """What one listing moves, and its newest payments, as everybody may see them.

    Beside the entry and not in it: who searches reads none of this, and the row stays short.
    `sellers.market.trade` says what the two hold, and writes them for `sellers.market.figures`.
    """

    listing = models.OneToOneField(
        "sellers.Listing", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    volume = models.JSONField()
    latest = models.JSONField()

    class Meta:
        verbose_name_plural = "catalog trade"

    def __str__(self) -> str:
        return f"{len(self.latest)} payments"


class CatalogFigures(models.Model):
    """When the figures of one seller's listings are looked at again: the row is the job."""

    seller = models.OneToOneField(
        "sellers.Seller", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    earnings_version = models.BigIntegerField()  # of payments, when they were made
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "catalog figures"
        indexes = (models.Index(fields=("due_at",), name="catalogfigures_due"),)

    def __str__(self) -> str:
        return f"made {self.made_at}"


class FiguresVersion(models.Model):
    """One number, raised whenever figures changed: pages that show them are others from then on."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="figuresversion_one_row"),)

    def __str__(self) -> str:
        return str(self.version)
