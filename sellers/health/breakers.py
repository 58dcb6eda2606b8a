"""Which listings the doors do not sell at the moment, since when, until when and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Min
from django.db.models.functions import Now

from payments.database.old_rows import drop_rows
from sellers.health.causes import cause
from sellers.models import Breaker


@dataclass(frozen=True, slots=True)
class NotSold:
    """A breaker that is open, over all the doors that said so."""

    since: datetime
    until: datetime
    failures: int
    why: str
    fix: str
    doors: int

    def is_tried(self, now: datetime) -> bool:
        """After the pause it is quoted again, and one paid call at a time is let through."""
        return self.until <= now


def not_sold(listing_ids: Collection[UUID]) -> dict[UUID, NotSold]:
    """The listings among these whose breaker is open somewhere."""
    found: dict[UUID, NotSold] = {}
    rows = (
        Breaker.objects.filter(listing_id__in=listing_ids, expires_at__gt=Now())
        .values("listing_id")
        .annotate(
            first=Min("since"), last=Max("until"), most=Max("failures"), doors=Count("id"),
            word=Max("why"),
        )
    )  # fmt: skip
    for row in rows:
        known = cause(row["word"])
        found[row["listing_id"]] = NotSold(
            row["first"], row["last"], row["most"], known.text, known.fix, row["doors"]
        )
    return found


def forget_breakers() -> int:
    """Drop what doors said that are gone, or that changed their mind."""
    return drop_rows(Breaker.objects.filter(expires_at__lt=Now()).order_by("expires_at"))
