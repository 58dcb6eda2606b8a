"""How previews end: at once, whenever their listing stops, their draft goes or a wallet does."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from payments.database.old_rows import drop_rows
from sellers.models import Seller
from sellers.models.previews import Preview
from sellers.on_sale import open_offers

KEPT = timedelta(days=30)
ROWS_AT_ONCE = 500


def alive() -> QuerySet[Preview]:
    """Previews that answer now."""
    return Preview.objects.filter(closed_at__isnull=True, expires_at__gt=Now())


@transaction.atomic
def close(previews: QuerySet[Preview]) -> None:
    """End these at once: nobody is quoted and nobody can pay from now on."""
    ids = list(previews.values_list("pk", flat=True))
    if not ids:
        return
    open_offers.close(ids)
    Preview.objects.filter(pk__in=ids).update(closed_at=Now(), sealed={})


def close_of_listing(listing_id: UUID) -> None:
    """A listing stopped, or its draft is gone: what tried it out stops too."""
    close(alive().filter(listing_id=listing_id))


def close_with_wallet(address: str, seller: Seller | None) -> None:
    """Nobody vouches for this wallet any more: it is paid by no test call, and pays for none."""
    touched = Q(payers__contains=[address]) | Q(terms__prices__contains=[{"pay_to": address}])
    found = alive().filter(touched)
    close(found if seller is None else found.filter(seller=seller))


def forget_previews() -> int:
    """Let go of the secrets of previews that ended, and a month later of the previews."""
    ended = Preview.objects.filter(expires_at__lt=Now()).exclude(sealed={})
    ids = list(ended.values_list("pk", flat=True)[:ROWS_AT_ONCE])
    Preview.objects.filter(pk__in=ids).update(sealed={})
    old = Preview.objects.filter(expires_at__lt=Now() - KEPT).order_by("expires_at")
    return drop_rows(old, ROWS_AT_ONCE)
