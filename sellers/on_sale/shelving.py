"""What all who read a listing are told of it: the catalog's row, and the shelf's number.

The number is raised last in a transaction, because every publisher waits for that row.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from payments import audit_log
from sellers.models import Listing, Seller
from sellers.on_sale import entries
from sellers.on_sale.listing_states import State, hold


def publish(listing: Listing, *changed: str) -> None:
    """Save what changed, here and in the catalog, and tell every door to look again."""
    kind = entries.enter(listing)
    listing.shelf_version = _raised_version()
    listing.save(update_fields=[*changed, "shelf_version"])
    if kind is not None:
        entries.tell(listing, kind)


@transaction.atomic
def enter_again(listing_id: UUID) -> None:
    """Write a listing that is for sale into a catalog that does not know it yet."""
    listing = hold(listing_id)
    if listing.state == State.LIVE:
        publish(listing)


@transaction.atomic
def retell(seller: Seller) -> None:
    """Have everybody read a seller's live listings again, because who sells them says so anew."""
    live = Listing.objects.filter(seller=seller, state=State.LIVE).order_by("pk")
    listings = list(live.select_for_update(of=("self",)))
    entries.rename(seller)
    if not listings:  # documents about the seller are read by this number, too
        _raised_version()
    for listing in listings:
        publish(listing)
        entries.tell(listing, entries.Kind.CHANGED)


def _raised_version() -> int:
    audit_log.take_turn()  # before the shelf's row: an entry follows, and all queue in one order
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into sellers_shelfversion as shelf (id, version) values (1, 1)"
            " on conflict (id) do update set version = shelf.version + 1 returning version"
        )
        row = cursor.fetchone()
    return int(row[0])
