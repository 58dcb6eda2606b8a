"""Disputes as pages show them: lists, one case with all that is known of it, and counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from payments.amounts import Amount
from payments.disputes.states import OWED, words
from payments.models import Case, Dispute, DisputeStep, Reason, Refund, Side
from payments.reports.one_payment import PaymentReport, payment_report
from payments.states import Words
from payments.wallets.payers import Payer
from payments.written import hexadecimal

_REFUND_WORDS = {
    Refund.Found.NAMED: Words("named", "not in a block yet", "…", "waiting"),
    Refund.Found.SEEN: Words("seen", "on chain, not deep enough", "…", "waiting"),
    Refund.Found.CONFIRMED: Words("confirmed", "confirmed", "✓", "good"),
    Refund.Found.REFUSED: Words("refused", "proves nothing", "✗", "bad"),
}


@dataclass(frozen=True, slots=True)
class RefundLine:
    """One transaction that was named or found, and what came of it."""

    transaction: str
    words: Words
    amount: Amount | None
    sender: str
    why: str
    named_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseReport:
    """One case with its payment, its steps and its refunds."""

    dispute: Dispute
    payment: PaymentReport
    steps: list[dict[str, Any]]
    refunds: list[RefundLine]
    asked: Amount
    left: Amount  # of what was asked for, and is not back yet

    @property
    def words(self) -> Words:
        return words(Case(self.dispute.state))

    @property
    def reason(self) -> str:
        return str(Reason(self.dispute.reason).label)

    @property
    def is_owed(self) -> bool:
        return self.dispute.state in OWED


def by_payers(payers: tuple[Payer, ...]) -> Q:
    """Which cases are about what these wallets paid; a contract's on its own network only."""
    mine = Q(pk__in=())
    for payer in payers:
        of = Q(payer=payer.address)
        mine |= of & Q(payment__network=payer.network) if payer.network else of
    return mine


def told_of(cases: Q) -> Iterator[dict[str, Any]]:
    """Cases with their steps and refunds, for an archive of whoever is a party."""
    for dispute in Dispute.objects.filter(cases).order_by("id").iterator(chunk_size=500):
        steps = dispute.steps.order_by("version").values("version", "at", "by", "state", "text")
        refunds = dispute.refunds.order_by("named_at").values(
            "transaction", "state", "amount_atomic", "sender", "named_at", "why"
        )
        yield {
            "id": dispute.pk,
            "payment": dispute.payment_id,
            "opened_at": dispute.opened_at,
            "reason": dispute.reason,
            "asked_atomic": dispute.asked_atomic,
            "state": dispute.state,
            "steps": list(steps),
            "refunds": [
                each | {"transaction": hexadecimal(each["transaction"])} for each in refunds
            ],
        }


def find_case(dispute_id: UUID) -> Dispute | None:
    return (
        Dispute.objects.select_related("payment__progress")
        .defer("payment__signature", "payment__identifier_hash")
        .filter(pk=dispute_id)
        .first()
    )


def case_report(dispute: Dispute, side: Side) -> CaseReport:
    """All that a side may know of a case: what was asked and answered stays a hash."""
    report = payment_report(dispute.payment_id)
    assert report is not None  # payments stay
    found = list(dispute.refunds.order_by("named_at"))
    asked, back = int(dispute.asked_atomic), _back(found)
    network, asset = report.payment.network, report.payment.asset
    return CaseReport(
        dispute=dispute,
        payment=report,
        steps=_steps(dispute, side),
        refunds=[_line(each, side) for each in found],
        asked=Amount.of(network, asset, asked),
        left=Amount.of(network, asset, max(0, asked - back)),
    )


def _steps(dispute: Dispute, side: Side) -> list[dict[str, Any]]:
    return [
        {
            "at": step.at,
            "by": _who(Side(step.by), side),
            "words": words(Case(step.state)),
            "title": _title(step),
            "is_move": step.is_move,
            "text": step.text,
        }
        for step in dispute.steps.order_by("version")
    ]


def _title(step: DisputeStep) -> str:
    """What was done, where the state alone would say what is waited for."""
    if not step.is_move:
        return "a word"
    if step.state == Case.OPEN:
        return "opened"
    if step.state == Case.REVIEW:
        return "contested" if step.by == Side.SELLER else "handed to the marketplace"
    if step.state == Case.DUE and step.by == Side.SELLER:
        return "refund promised"
    return words(Case(step.state)).text


def _line(refund: Refund, side: Side) -> RefundLine:
    atomic = refund.amount_atomic
    amount = None if atomic is None else Amount.of(refund.network, refund.asset, int(atomic))
    return RefundLine(
        transaction=hexadecimal(refund.transaction),
        words=_REFUND_WORDS[Refund.Found(refund.state)],
        amount=amount,
        sender=refund.sender,
        why=refund.why,
        named_by=_who(Side(refund.named_by), side),
        at=refund.named_at,
    )


def _who(by: Side, side: Side) -> str:
    if by == side:
        return "you"
    return {
        Side.PAYER: "the buyer",
        Side.SELLER: "the seller",
        Side.ADMIN: "an admin",
        Side.CLOCK: "the marketplace",
        Side.CHAIN: "the chain",
    }[by]


def _back(refunds: list[Refund]) -> int:
    done = [each for each in refunds if each.state == Refund.Found.CONFIRMED]
    return sum(int(each.amount_atomic or 0) for each in done)
