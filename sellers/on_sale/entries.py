"""What is for sale, written down where it is searched: with every change of a listing's state.

Only `sellers.on_sale.shelving` calls this, in the transaction of the change, so that the catalog
never says otherwise than the door. What changed is told under the shelf's number, which every
publisher raises last: the numbers are in the order of the commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from payments.amounts import token
from payments.database.old_rows import drop_rows
from sellers.models import Listing, Revision, Seller, ShelfVersion
from sellers.models.catalog import CatalogChange, CatalogEntry, SoldRevision
from sellers.prices import in_dollars

Kind = CatalogChange.Kind
CHANGES_KEPT = timedelta(days=30)
_FAR_DECIMALS = 18  # of a token we do not know: it is not for sale here


def enter(listing: Listing) -> CatalogChange.Kind | None:
    """Write a listing down as it is now; says what that changes for those who buy."""
    known = CatalogEntry.objects.select_related("revision").filter(pk=listing.pk).first()
    sold = listing.state == Listing.State.LIVE
    if known is None and not sold:
        return None
    revision = _live(listing)
    kind = _kind(known, listing, revision)
    if kind is None:
        return None
    now = timezone.now()
    values = {"sold": sold, "revision": revision, **_texts(listing, revision.terms)}
    if sold:
        values["changed_at"] = now
    CatalogEntry.objects.update_or_create(
        listing=listing,
        defaults=values,
        create_defaults={**values, "listed_at": now},
    )
    if sold and (known is None or known.revision_id != revision.pk):
        SoldRevision.objects.create(listing=listing, revision=revision, at=now)
    return kind


def rename(seller: Seller) -> None:
    """Write a seller's new name down beside everything of theirs."""
    CatalogEntry.objects.filter(seller_slug=seller.slug).update(
        seller_name=seller.name, changed_at=Now()
    )


def tell(listing: Listing, kind: CatalogChange.Kind) -> None:
    """Tell those who follow the catalog, under the number that the shelf has now."""
    CatalogChange.objects.create(
        version=listing.shelf_version,
        listing_id=listing.pk,
        path=listing.path,
        kind=kind,
        revision=_live(listing).number,
        at=timezone.now(),
    )


def oldest_kept() -> int:
    """The number of the oldest change that is kept; 0 while none was let go."""
    oldest = CatalogChange.objects.order_by("version").first()
    gone = oldest is not None and oldest.at < timezone.now() - CHANGES_KEPT
    return oldest.version if gone and oldest is not None else 0


def changes(since: int, most: int) -> list[CatalogChange] | None:
    """What changed after this number, in order; None where some of it is not kept any more.

    Who begins, at 0, gets what is kept: the catalog itself has what was before.
    """
    if 0 < since < oldest_kept():
        return None
    newest = CatalogChange.objects.order_by("version").last()
    if since > _ahead_of(newest):
        return None
    return list(CatalogChange.objects.filter(version__gt=since).order_by("version")[:most])


def newest_changes(most: int) -> list[CatalogChange]:
    return list(CatalogChange.objects.order_by("-version")[:most])


def _ahead_of(newest: CatalogChange | None) -> int:
    """The highest number anybody can have been given: a database from a backup is behind it."""
    shelf = ShelfVersion.objects.values_list("version", flat=True).first() or 0
    return max(shelf, newest.version if newest else 0)


def forget_changes() -> int:
    """Let go of what changed a month ago: who follows slower than that reads the whole catalog.

    The newest of it stays: it says up to where changes are gone.
    """
    old = CatalogChange.objects.filter(at__lt=Now() - CHANGES_KEPT).order_by("version")
    newest = old.last()
    return drop_rows(old.exclude(pk=newest.pk if newest else 0))


def _live(listing: Listing) -> Revision:
    """The revision it is sold on: what was ever entered was approved."""
    assert listing.live_revision is not None
    return listing.live_revision


def _kind(
    known: CatalogEntry | None, listing: Listing, revision: Revision
) -> CatalogChange.Kind | None:
    """What a buyer would call the change; None where there is none to see."""
    if listing.state != Listing.State.LIVE:
        ended = Kind.PAUSED if listing.state == Listing.State.PAUSED else Kind.REMOVED
        was = known is not None and (known.sold or ended == Kind.REMOVED)
        return ended if was else None
    if known is None or not known.sold:
        return Kind.CREATED
    if known.revision_id == revision.pk:
        return None
    same = _prices(known.revision) == _prices(revision)
    return Kind.CHANGED if same else Kind.PRICE_CHANGED


def _prices(revision: Revision) -> list[tuple[str, str, str]]:
    return sorted((p["network"], p["asset"], p["amount"]) for p in revision.terms["prices"])


def _texts(listing: Listing, terms: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a listing, from the terms it is sold on."""
    seller = listing.seller
    category = terms.get("category", "")
    spoken = (terms["service_name"], *terms["tags"], category, *listing.path.split("/"))
    return {
        "path": listing.path,
        "seller_slug": seller.slug,
        "title": terms["title"],
        "names": " ".join(word for word in spoken if word),
        "description": terms["description"],
        "seller_name": seller.name,
        "category": category,
        "facets": facets_of(terms, seller.slug),
        "cheapest": min(_dollars(price) for price in terms["prices"]),
    }


def facets_of(terms: Mapping[str, Any], seller_slug: str) -> list[str]:
    """Everything about a listing that is asked for by its exact word."""
    found = {f"method:{terms['method']}", f"seller:{seller_slug}"}
    if category := terms.get("category", ""):
        found.add(f"category:{category}")
    found |= {f"tag:{tag.lower()}" for tag in terms["tags"]}
    for price in terms["prices"]:
        found |= {
            f"network:{price['network']}",
            f"scheme:{price['scheme']}",
            f"asset:{price['asset'].lower()}",
            f"pay_to:{price['pay_to'].lower()}",
        }
    return sorted(found)


def _dollars(price: Mapping[str, str]) -> Decimal:
    known = token(price["network"], price["asset"])
    return in_dollars(int(price["amount"]), known.decimals if known else _FAR_DECIMALS)
