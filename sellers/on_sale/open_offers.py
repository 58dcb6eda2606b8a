"""What may be claimed: every price that is open now, of a listing on sale or of a preview.

The only writer of payments' OpenOffer. A price opens and closes in the same transaction as what is
sold at it starts and stops; claims read nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, Value
from django.db.models.functions import Now

from payments.database.old_rows import drop_rows
from payments.models import OpenOffer
from sellers.models import Listing, Price
from sellers.terms import PriceTerms

CLOSED_KEPT = timedelta(days=30)


def open_live(listing: Listing) -> None:
    """Let a listing be bought on the terms that were approved last."""
    revision = listing.live_revision
    assert revision is not None  # only what was approved is opened
    open_prices(listing.pk, bytes(revision.hash), revision.prices.all(), since=Now())


def open_prices(
    sold_id: UUID,
    revision_hash: bytes,
    prices: Iterable[Price | PriceTerms],
    *,
    since: datetime | Now,
    until: datetime | None = None,
) -> None:
    """Let these terms of a listing, or of a preview, be claimed at each of these prices."""
    OpenOffer.objects.bulk_create(
        OpenOffer(
            listing_id=sold_id,
            revision_hash=revision_hash,
            network=price.network,
            scheme=price.scheme,
            asset=price.asset,
            pay_to=price.pay_to,
            amount_atomic=price.amount_atomic,
            opened_at=since,
            closed_at=until,
        )
        for price in prices
    )


def close(sold_ids: Iterable[UUID], *, after_seconds: int = 0) -> None:
    """End what may be claimed: now, or after a grace in which an older price is still good."""
    end = Now() + Value(timedelta(seconds=after_seconds))
    open_ones = OpenOffer.objects.filter(listing_id__in=sold_ids)
    open_ones.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=end)).update(closed_at=end)


def forget_closed() -> int:
    """Drop what could be claimed once, a month after it ended; revisions keep their prices."""
    old = OpenOffer.objects.filter(closed_at__lt=Now() - CLOSED_KEPT).order_by("closed_at")
    return drop_rows(old)
