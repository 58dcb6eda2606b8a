"""What happens to disputes by itself: they open, their refunds are found, their deadlines pass.

Every row carries its own next check, so whoever rings, and however often, misses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Least, Now
from django.utils import timezone

from payments.disputes import cases
from payments.disputes.states import OWED
from payments.ids import first_id
from payments.models import Case, Dispute, Money, Refund, Side
from payments.refunds import booking
from payments.refunds.booking import Wallets
from payments.refunds.naming import keep_found
from payments.refunds.search import search, watch
from payments.states import PAID
from payments.wiring.bounds import dispute_terms
from payments.wiring.networks import networks

AT_ONCE: Final = 50
BEHIND_SECONDS: Final = 5  # to the next look where one did not come to the newest block
OPENED_DAYS: Final = 30  # how far back payments without an answer are looked for
TAKEN: Final = timedelta(seconds=120)


def tend(wallets: Wallets) -> int:
    """One ring of the bell; says how many rows were looked at. `wallets`: which are a seller's.

    Deadlines come last: a refund that was sent in time is no longer missing then.
    """
    opened = open_unanswered()
    due = _take_due()
    _close_what_failed(due)
    # One that a reorg took away is left alone, its deadline too: it may stand in the next block.
    disputes = [dispute for dispute in due if dispute.payment.progress.money in PAID]
    looked = _search(disputes, wallets)
    _look_later(disputes, looked.behind)
    watched = watch(wallets)
    for dispute in disputes:
        _pass_deadline(dispute, looked)
    return opened + len(due) + watched


_UNANSWERED = """
    select g.payment_id from payments_progress g
     where g.work = 'void' and g.money = 'confirmed' and g.payment_id >= %s
       and not exists (select from payments_dispute d where d.payment_id = g.payment_id)
       and exists (select from payments_payment p where p.id = g.payment_id
                      and left(p.listing_path, 1) <> '/')
     order by g.payment_id limit %s
"""


def open_unanswered() -> int:
    """Open a case for each payment that is final and was never answered."""
    since = first_id(time.time() - timedelta(days=OPENED_DAYS).total_seconds())
    with connection.cursor() as cursor:
        cursor.execute(_UNANSWERED, (since, AT_ONCE))
        found = [row[0] for row in cursor.fetchall()]
    return sum(cases.open_unanswered(payment_id) is not None for payment_id in found)


def _take_due() -> list[Dispute]:
    """The cases whose time has come; nobody else takes them up meanwhile."""
    with transaction.atomic():
        due = Dispute.objects.filter(next_check_at__lte=Now()).order_by("next_check_at")
        taken = [each.pk for each in due.select_for_update(skip_locked=True)[:AT_ONCE]]
        Dispute.objects.filter(pk__in=taken).update(next_check_at=Now() + TAKEN)
    return list(Dispute.objects.filter(pk__in=taken).select_related("payment__progress"))


def _close_what_failed(disputes: Iterable[Dispute]) -> None:
    """Where the payment moved nothing in the end there is nothing to give back."""
    for dispute in disputes:
        if dispute.payment.progress.money == Money.FAILED:
            text = "The chain took the payment itself back."
            cases.move(dispute, Case.WITHDRAWN, Side.CHAIN, text)


@dataclass(slots=True)
class Looked:
    """How far the chain told of each case; of those on a silent one, nothing."""

    told: set[UUID] = field(default_factory=set)  # up to its newest block
    behind: set[UUID] = field(default_factory=set)  # up to an older one
    forgotten: set[UUID] = field(default_factory=set)  # the node has no such old blocks


def _search(disputes: Iterable[Dispute], wallets: Wallets) -> Looked:
    """Look for refunds that nobody named."""
    looked = Looked()
    for dispute, seen in search(disputes, wallets):
        if seen is None:
            looked.forgotten.add(dispute.pk)
            continue
        for transaction_hash, transfers in seen.found.items():
            keep_found(dispute, transaction_hash, transfers)
        same = Dispute.objects.filter(pk=dispute.pk, searched_block__lt=seen.settled)
        same.update(searched_block=seen.settled)
        (looked.behind if seen.is_behind else looked.told).add(dispute.pk)
    return looked


def _look_later(disputes: Iterable[Dispute], behind: Set[UUID]) -> None:
    """When to look again: at the deadline, or when it is worth searching once more."""
    usual = dispute_terms().search_seconds
    for dispute in disputes:
        seconds = min(usual, BEHIND_SECONDS) if dispute.pk in behind else usual
        later = Now() + timedelta(seconds=seconds)
        same = Dispute.objects.filter(pk=dispute.pk, closed_at__isnull=True)
        same.update(next_check_at=later)
        same.filter(deadline_at__gt=Now()).update(next_check_at=Least(later, F("deadline_at")))


def _pass_deadline(dispute: Dispute, looked: Looked) -> None:
    """Move a case whose time is over, unless what is owed may have been sent in time."""
    if dispute.deadline_at is None or dispute.deadline_at >= timezone.now():
        return
    if dispute.state in OWED and _may_be_paid(dispute, looked):
        return
    after, text = {
        Case.OPEN: (Case.REVIEW, "The seller did not answer in time."),
        Case.DUE: (Case.REVIEW, "The refund did not come in time."),
        Case.ORDERED: (Case.UNPAID, "The refund was ordered and did not come in time."),
    }[Case(dispute.state)]
    cases.move(dispute, after, Side.CLOCK, text)


def _may_be_paid(dispute: Dispute, looked: Looked) -> bool:
    """Whether the chain could not say yet, or shows a refund that is not deep enough."""
    assert dispute.deadline_at is not None
    is_told = dispute.pk in looked.told or dispute.payment.network not in networks()
    if not is_told and dispute.pk not in looked.forgotten:
        return True
    if timezone.now() > dispute.deadline_at + booking.PATIENCE:
        return False
    unproven = dispute.refunds.filter(state__in=(Refund.Found.NAMED, Refund.Found.SEEN))
    return not is_told or unproven.exists()
