"""The listings and sellers that a buyer paid, by the names that filters and tables show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection


@dataclass(frozen=True, slots=True)
class Thing:
    """One listing that was bought from: also when it is sold no more."""

    id: UUID
    seller_id: UUID
    path: str
    title: str
    seller_slug: str
    seller_name: str


_THINGS = """
    select l.id, l.seller_id, l.slug, s.slug, s.name,
           coalesce(nullif(live.terms ->> 'title', ''), nullif(draft.terms ->> 'title', ''), '')
      from sellers_listing l
      join sellers_seller s on s.id = l.seller_id
      left join sellers_revision live on live.id = l.live_revision_id
      left join sellers_revision draft on draft.id = l.proposed_revision_id
     where l.id = any(%s)
     order by s.slug, l.slug
"""


def things(listing_ids: Iterable[UUID]) -> dict[UUID, Thing]:
    """These listings, in the order of their paths."""
    with connection.cursor() as cursor:
        cursor.execute(_THINGS, [list(listing_ids)])
        return {
            key: Thing(key, seller, f"{whose}/{slug}", title or slug, whose, name)
            for key, seller, slug, whose, name, title in cursor.fetchall()
        }
