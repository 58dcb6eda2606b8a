"""The wallets that paid a seller most, counted by the worker where counting them takes a while.

Who asks never waits for a count over tens of thousands of wallets: they get the last one, and
a new one is made when that is older than a minute. Where there are few rows they are counted
at once. The row is the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from payments.amounts import Amount
from payments.live.wakeups import WORK_WENT_ON, ring_after_commit
from payments.models import BuyersLook
from payments.reports.buyers import FROM, Buyer, Buyers, buyers, values_of
from payments.reports.looks import Look, Span

ROWS_AT_ONCE_MAX = 5_000  # days of wallets; more are the worker's
FRESH = timedelta(minutes=1)
LEASE = timedelta(minutes=2)  # a worker that died is followed by another
KEPT = timedelta(days=1)  # after somebody asked last
LOOKS_AT_ONCE = 20

_MANY = f"select count(*) from (select 1 {FROM} limit %(rows)s) few"  # noqa: S608 - our own


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known now, since when, and the job that makes it anew, if there is one."""

    found: Buyers | None
    made_at: datetime | None = None
    job: UUID | None = None


def kept_buyers(look: Look) -> Kept:
    """Who paid most, without waiting; `job` is to be rung for."""
    if _is_small(look):
        return Kept(buyers(look))
    row, _ = BuyersLook.objects.get_or_create(
        seller_id=look.seller_id, asked=_asked(look), defaults={"due_at": timezone.now()}
    )
    stale = row.made_at is None or timezone.now() - row.made_at > FRESH
    due_at = row.due_at or (timezone.now() if stale else None)
    BuyersLook.objects.filter(pk=row.pk).update(asked_at=Now(), due_at=due_at)
    return Kept(_read(row.found), row.made_at, row.pk if due_at else None)


def run(job: UUID) -> bool:
    """Count for one look, unless another worker does."""
    taken = BuyersLook.objects.filter(pk=job, due_at__lte=Now()).update(due_at=Now() + LEASE)
    row = BuyersLook.objects.filter(pk=job).first()
    if not taken or row is None:
        return False
    asked = row.asked
    span = Span(date.fromisoformat(asked["first"]), date.fromisoformat(asked["last"]))
    listing = UUID(asked["listing"]) if asked["listing"] else None
    found = buyers(Look(row.seller_id, span, listing, asked["network"]))
    BuyersLook.objects.filter(pk=job).update(found=_stored(found), made_at=Now(), due_at=None)
    ring_after_commit(WORK_WENT_ON)
    return True


def run_due() -> int:
    """What a lost bell, or a lost worker, left behind."""
    due = BuyersLook.objects.filter(due_at__lte=Now()).order_by("due_at")
    return sum(run(job) for job in list(due.values_list("pk", flat=True)[:LOOKS_AT_ONCE]))


def forget() -> int:
    """Let go of what nobody asked for since yesterday."""
    return BuyersLook.objects.filter(asked_at__lt=Now() - KEPT).delete()[0]


def _is_small(look: Look) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_MANY, values_of(look) | {"rows": ROWS_AT_ONCE_MAX + 1})
        return int(cursor.fetchone()[0]) <= ROWS_AT_ONCE_MAX


def _asked(look: Look) -> dict[str, str]:
    return {
        "first": look.span.first.isoformat(),
        "last": look.span.last.isoformat(),
        "listing": str(look.listing_id or ""),
        "network": look.network,
    }


def _stored(found: Buyers) -> dict[str, Any]:
    top = [
        [each.payer, each.payments, each.amount.network, each.amount.asset,
         str(each.amount.atomic)]
        for each in found.top
    ]  # fmt: skip
    return {"unique": found.unique, "top": top}


def _read(stored: dict[str, Any] | None) -> Buyers | None:
    if stored is None:
        return None
    top = [
        Buyer(payer, payments, Amount.of(network, asset, int(atomic)))
        for payer, payments, network, asset, atomic in stored["top"]
    ]
    return Buyers(stored["unique"], top)
