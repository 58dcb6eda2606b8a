"""What waits for whoever judges listings or runs the site: how much of it, and since when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Min, QuerySet
from django.urls import reverse
from django.utils import timezone

from marketplace.access import is_admin
from marketplace.moderation.judges import judge_for
from payments.reports import workings
from payments.reports.case_lists import waiting_for_admin
from payments.wallets.payers import payers_of
from payments.wiring.networks import networks
from sellers.models import Seller
from sellers.reviews import holds, reports


@dataclass(frozen=True, slots=True)
class Duty:
    """Things of one kind that somebody may decide, and the page on which they do."""

    what: str
    since: datetime | None  # None: it is not written down since when, and was long enough
    page: str
    is_urgent: bool = False  # somebody's money stands still for as long as nobody looks


def duties_of(user: User, patience: timedelta) -> list[Duty]:
    """What waits for a verdict of this person, who decides nothing of their own.

    Payments settle by themselves for a while: they count once they waited as long as that.
    """
    return [*_judged(user), *(_run(user, patience) if is_admin(user) else ())]


def _judged(user: User) -> Iterator[Duty]:
    judge = judge_for(user)
    yield from _waiting(
        "proposal to judge", "moderation-queue", *_counted(holds.waiting_for(judge), "submitted_at")
    )
    foreign = reports.waiting().exclude(listing__in=holds.owned_by(judge).values("pk"))
    yield from _waiting("report about listings", "moderation-reports", *_counted(foreign, "at"))


def _run(user: User, patience: timedelta) -> Iterator[Duty]:
    sold = set(Seller.objects.filter(owner=user).values_list("pk", flat=True))
    disputes = waiting_for_admin(payers_of(user), sold)
    yield from _waiting("dispute to decide", "moderation-disputes", *disputes)
    ours = networks()
    payments = "payment for an admin to look at"
    yield from _waiting(payments, "operator-health", *_stuck(ours, patience), is_urgent=True)
    compared = [each for each in workings.reconciliations() if each.network in ours]
    apart = sum(each.differences for each in compared)
    differences = "difference between ledger and chain"
    yield from _waiting(differences, "operator-health", apart, None, is_urgent=True)


def _stuck(ours: Sequence[str], patience: timedelta) -> tuple[int, datetime | None]:
    """Payments that do not come to their end by themselves."""
    late = workings.waiting(timezone.now() - patience)
    found = [(each.payments, each.oldest) for each in late if each.network in ours]
    found += [(count, oldest) for _, count, oldest in workings.unfinished_elsewhere(ours)]
    return sum(count for count, _ in found), min((oldest for _, oldest in found), default=None)


def _counted(rows: QuerySet[Any], since: str) -> tuple[int, datetime | None]:
    found = rows.order_by().aggregate(count=Count("pk"), since=Min(since))
    return found["count"], found["since"]


def _waiting(
    one: str, page: str, count: int, since: datetime | None, *, is_urgent: bool = False
) -> Iterator[Duty]:
    if count:
        yield Duty(_numbered(count, one), since, reverse(page), is_urgent)


def _numbered(count: int, one: str) -> str:
    first, *rest = one.split(" ", 1)
    return " ".join((f"{count:,}", first if count == 1 else f"{first}s", *rest))
