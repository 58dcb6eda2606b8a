"""Disputes in lists, a page at a time, and how many of them ended how."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from payments.amounts import Amount
from payments.dispute_states import STILL_OPEN, words
from payments.models import Case, Dispute, Reason
from payments.payers import Payer
from payments.reports.cases import by_payers
from payments.states import Words

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
class CasePage:
    """Some cases, and the edges to others."""

    rows: list[CaseRow]
    newer: UUID | None
    older: UUID | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How a seller does with disputes, for everybody to see."""

    opened: int
    open: int
    refunded: int
    rejected: int
    unpaid: int


def of_payers(payers: tuple[Payer, ...], which: str, edge: dict[str, UUID | None]) -> CasePage:
    """The cases about what these wallets paid, newest first."""
    return _page(Dispute.objects.filter(by_payers(payers)), which, edge)


def lately_of(payers: tuple[Payer, ...], since: datetime, most: int) -> list[CaseRow]:
    """The newest cases about what these wallets paid that are open, or were closed since then."""
    known = Dispute.objects.filter(by_payers(payers))
    shown = _shown(
        known.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=since)).order_by("-id")
    )
    return [_row(each) for each in shown[:most]]


def of_seller(seller_id: UUID, which: str, edge: dict[str, UUID | None]) -> CasePage:
    return _page(Dispute.objects.filter(seller_id=seller_id), which, edge)


def of_everybody(states: Collection[Case], edge: dict[str, UUID | None]) -> CasePage:
    return _page(Dispute.objects.filter(state__in=states), "all", edge)


def waiting_for_admins() -> int:
    return Dispute.objects.filter(state=Case.REVIEW).count()


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


def _page(cases: QuerySet[Dispute], which: str, edge: dict[str, UUID | None]) -> CasePage:
    if which in ("open", "closed"):
        cases = cases.filter(closed_at__isnull=which == "open")
    newer, older = edge.get("newer"), edge.get("older")
    if newer:
        found = list(_shown(cases.filter(pk__gt=newer).order_by("id")))
        found, more = found[:ROWS_ON_A_PAGE][::-1], len(found) > ROWS_ON_A_PAGE
        has_newer, has_older = more, True
    else:
        found = list(_shown((cases.filter(pk__lt=older) if older else cases).order_by("-id")))
        has_newer, has_older = older is not None, len(found) > ROWS_ON_A_PAGE
        found = found[:ROWS_ON_A_PAGE]
    return CasePage(
        [_row(each) for each in found],
        found[0].pk if found and has_newer else None,
        found[-1].pk if found and has_older else None,
    )


def _shown(cases: QuerySet[Dispute]) -> QuerySet[Dispute]:
    hidden = ("payment__signature", "payment__identifier_hash", "payment__caps")
    return cases.select_related("payment").defer(*hidden)[: ROWS_ON_A_PAGE + 1]


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
