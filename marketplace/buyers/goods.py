"""The listings and sellers that a buyer paid, by the names that filters and tables show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sellers.models import Listing


@dataclass(frozen=True, slots=True)
class Thing:
    """One listing that was bought from: also when it is sold no more."""

    id: UUID
    seller_id: UUID
    path: str
    title: str
    seller_slug: str
    seller_name: str


def things(listing_ids: Iterable[UUID]) -> dict[UUID, Thing]:
    """These listings, in the order of their paths."""
    rows = (
        Listing.objects.filter(pk__in=list(listing_ids))
        .order_by("seller__slug", "slug")
        .values_list(
            "pk", "seller_id", "seller__slug", "seller__name", "slug",
            "live_revision__terms__title", "proposed_revision__terms__title",
        )
    )  # fmt: skip
    return {
        key: Thing(key, seller, f"{whose}/{slug}", live or draft or slug, whose, name)
        for key, seller, whose, name, slug, live, draft in rows
    }
