"""Disputes in lists, a page at a time, and how many of them ended how."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet

from payments.amounts import Amount
from payments.disputes.states import STILL_OPEN, words
from payments.models import Case, Dispute, Reason
from payments.reports.cases import by_payers
from payments.serving.paging import Page, page_in
from payments.states import Words
from payments.wallets.payers import Payer

ROWS_ON_A_PAGE = 25
FILTERS = {"open": "Open", "closed": "Closed", "all": "All"}


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case in one line."""

    id: UUID
    payment_id: UUID
    opened_at: datetime
    title: str
    payer: str
    seller_id: UUID
    reason: str
    amount: Amount
    words: Words
    deadline_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How a seller does with disputes, for everybody to see."""

    opened: int
    open: int
    refunded: int
    rejected: int
    unpaid: int


def of_payers(payers: tuple[Payer, ...], which: str, edge: dict[str, UUID | None]) -> Page[CaseRow]:
    """The cases about what these wallets paid, newest first."""
    return _page(Dispute.objects.filter(by_payers(payers)), which, edge)


def lately_of(payers: tuple[Payer, ...], since: datetime, most: int) -> list[CaseRow]:
    """The newest cases about what these wallets paid that are open, or were closed since then."""
    known = Dispute.objects.filter(by_payers(payers))
    shown = _shown(
        known.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=since)).order_by("-id")
    )
    return [_row(each) for each in shown[:most]]


def of_seller(seller_id: UUID, which: str, edge: dict[str, UUID | None]) -> Page[CaseRow]:
    return _page(Dispute.objects.filter(seller_id=seller_id), which, edge)


def of_everybody(states: Collection[Case], edge: dict[str, UUID | None]) -> Page[CaseRow]:
    return _page(Dispute.objects.filter(state__in=states), "all", edge)


def waiting_for_admins() -> int:
    return Dispute.objects.filter(state=Case.REVIEW).count()


def waiting_for_admin(
    payers: tuple[Payer, ...], sellers: Collection[UUID]
) -> tuple[int, datetime | None]:
    """How many cases wait for an admin, and since when the one that waits longest.

    Those about what these wallets paid, or these sellers sold, are for others to decide.
    """
    waiting = Dispute.objects.filter(state=Case.REVIEW).exclude(by_payers(payers))
    came = Max("steps__at", filter=Q(steps__state=Case.REVIEW, steps__is_move=True))
    found = (
        waiting.exclude(seller_id__in=sellers)
        .annotate(came=came)
        .aggregate(count=Count("pk"), since=Min("came"))
    )
    return found["count"], found["since"]


def counts_of(seller_id: UUID) -> Counts:
    """All the cases there ever were about a seller, but those that were taken back."""
    states = Dispute.objects.filter(seller_id=seller_id).exclude(state=Case.WITHDRAWN)
    found = dict(states.values_list("state").annotate(n=Count("pk")).order_by())
    return Counts(
        opened=sum(found.values()),
        open=sum(found.get(each, 0) for each in STILL_OPEN),
        refunded=found.get(Case.REFUNDED, 0),
        rejected=found.get(Case.REJECTED, 0),
        unpaid=found.get(Case.UNPAID, 0),
    )


def _page(cases: QuerySet[Dispute], which: str, edge: dict[str, UUID | None]) -> Page[CaseRow]:
    if which in ("open", "closed"):
        cases = cases.filter(closed_at__isnull=which == "open")
    page = page_in(
        _shown(cases), ROWS_ON_A_PAGE, older_than=edge.get("older"), newer_than=edge.get("newer")
    )
    return Page([_row(each) for each in page.rows], page.newer, page.older)


def _shown(cases: QuerySet[Dispute]) -> QuerySet[Dispute]:
    hidden = ("payment__signature", "payment__identifier_hash", "payment__caps")
    return cases.select_related("payment").defer(*hidden)


def _row(dispute: Dispute) -> CaseRow:
    payment = dispute.payment
    return CaseRow(
        id=dispute.pk,
        payment_id=payment.pk,
        opened_at=dispute.opened_at,
        title=payment.title,
        payer=dispute.payer,
        seller_id=dispute.seller_id,
        reason=str(Reason(dispute.reason).label),
        amount=Amount.of(payment.network, payment.asset, int(dispute.asked_atomic)),
        words=words(Case(dispute.state)),
        deadline_at=dispute.deadline_at,
    )
