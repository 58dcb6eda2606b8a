"""What somebody should know and did not ask for: shown on their pages until they put it away.

It is a seller's, or that of an account that buys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from django.db.models.functions import Now

from payments.database.old_rows import drop_rows
from payments.ids import first_id
from sellers.models import Notice

SHOWN_MAX = 20
KEPT = timedelta(days=90)
_FREE_BITS = 62  # of an id that sorts by its time
Whose: TypeAlias = UUID | int  # a seller's id, or the number of an account that buys


def notify(
    whose: Whose, subject: str, text: str, href: str = "", mail_at: datetime | None = None
) -> Notice:
    """Tell somebody something, on their pages; by letter as well where that is said."""
    return Notice.objects.create(
        **_of(whose), subject=subject, text=text, href=href, mail_at=mail_at
    )


def only_id(said: str, since: datetime) -> UUID:
    """An id for what began to be so then: the same whenever it is made, and by whom."""
    low = int.from_bytes(hashlib.sha256(said.encode()).digest()[:8]) & (1 << _FREE_BITS) - 1
    return UUID(int=first_id(since.timestamp()).int | low)


def tell_once(news: Sequence[Notice]) -> int:
    """Tell what was not told yet, put away or not, by its `only_id`; says how many that were."""
    told = Notice.objects.filter(pk__in=[each.pk for each in news]).values_list("pk", flat=True)
    had = set(told)
    new = [each for each in news if each.pk not in had]
    Notice.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def take_back(seller_id: UUID, subject: str, href: str) -> None:
    """What was to be said by letter turned out a mistake before it was."""
    said = Notice.objects.filter(seller_id=seller_id, subject=subject, href=href)
    said.filter(mail_at__isnull=False).delete()


def take_unmailed(most: int) -> list[Notice]:
    """What is to be said by letter now, for the transaction that writes the letters."""
    due = Notice.objects.filter(mail_at__lte=Now()).order_by("mail_at")
    held = due.select_for_update(skip_locked=True, of=("self",))
    found = list(held.select_related("seller__owner", "buyer")[:most])
    Notice.objects.filter(pk__in=[each.pk for each in found]).update(mail_at=None)
    return found


def unseen(whose: Whose) -> list[Notice]:
    """What somebody has not put away yet, newest first."""
    found = Notice.objects.filter(**_of(whose), seen_at__isnull=True)
    return list(found.order_by("-id")[:SHOWN_MAX])


def put_away(whose: Whose, notice_id: UUID) -> bool:
    """Show a notice no longer; false where theirs is no such notice."""
    mine = Notice.objects.filter(**_of(whose), pk=notice_id)
    return bool(mine.filter(seen_at__isnull=True).update(seen_at=Now()) or mine.exists())


def forget_notices() -> int:
    """Drop what was said three months ago."""
    return drop_rows(Notice.objects.filter(at__lt=Now() - KEPT).order_by("at"))


def forget_all(whose: Whose) -> None:
    """Somebody's account is gone: what it was told goes with it."""
    Notice.objects.filter(**_of(whose)).delete()


def _of(whose: Whose) -> dict[str, Whose]:
    return {"seller_id": whose} if isinstance(whose, UUID) else {"buyer_id": whose}
