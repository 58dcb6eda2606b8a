"""Reads for pages: one payment as it stands, with every step it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from payments.models import (
    Answer,
    Broadcast,
    ChainHealth,
    Money,
    Payment,
    Progress,
    Receipt,
    Step,
    Work,
)
from payments.states import PAID, State, Words, words

STEP_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One step, in the words of every screen."""

    at: datetime
    words: Words
    why: str
    seconds_after_claim: float
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """Everything about one payment that a page may need; what it shows is the page's choice."""

    payment: Payment
    progress: Progress
    answer: Answer | None
    timeline: tuple[TimelineEntry, ...]
    transaction: bytes | None
    head_number: int | None
    receipt_version: int | None

    @property
    def state(self) -> State:
        return State(Work(self.progress.work), Money(self.progress.money))

    @property
    def words(self) -> Words:
        return words(self.state)

    @property
    def is_waiting(self) -> bool:
        """Whether asking again in a moment may bring another answer."""
        return self.words.tone == "waiting"

    @property
    def can_change(self) -> bool:
        """Whether an open page has anything to wait for: until the money is final."""
        return self.is_waiting or self.words.key == "paid"

    @property
    def can_be_fetched(self) -> bool:
        """Whether the buyer may have the stored answer: the money has moved for it."""
        return self.state.work == Work.ANSWERED and self.state.money in PAID

    @property
    def confirmations(self) -> int | None:
        """How deep the money lies, as far as we have seen; None while it is in no block."""
        block = self.progress.block_number
        if block is None or self.head_number is None:
            return None
        return max(0, self.head_number - block + 1)


def payment_report(payment_id: UUID) -> PaymentReport | None:
    payment = (
        Payment.objects.select_related("progress", "answer")
        .defer("signature", "identifier_hash")
        .filter(pk=payment_id)
        .first()
    )
    if payment is None:
        return None
    try:
        answer = payment.answer
    except ObjectDoesNotExist:
        answer = None
    health = ChainHealth.objects.filter(network=payment.network).first()
    return PaymentReport(
        payment=payment,
        progress=payment.progress,
        answer=answer,
        timeline=_timeline(payment),
        transaction=_transaction(payment.progress),
        head_number=health.head_number if health else None,
        receipt_version=_latest_receipts(payment_id).values_list("version", flat=True).first(),
    )


def latest_receipt(payment_id: UUID) -> Receipt | None:
    """The receipt that holds; every earlier version is superseded by it."""
    return _latest_receipts(payment_id).first()


def _latest_receipts(payment_id: UUID) -> QuerySet[Receipt]:
    return Receipt.objects.filter(payment_id=payment_id).order_by("-version")


def _timeline(payment: Payment) -> tuple[TimelineEntry, ...]:
    # The time spares looking into the partitions of the months before.
    steps = Step.objects.filter(
        payment_id=payment.pk, at__gt=payment.created_at - STEP_MARGIN
    ).order_by("version")
    return tuple(
        TimelineEntry(
            at=step.at,
            words=words(State(Work(step.work), Money(step.money))),
            why=step.why,
            seconds_after_claim=(step.at - payment.created_at).total_seconds(),
            detail=step.detail,
        )
        for step in steps
    )


def _transaction(progress: Progress) -> bytes | None:
    """The transaction that moved the money or, until one has, the last one sent to move it."""
    if progress.transaction is not None:
        return bytes(progress.transaction)
    if progress.money != Money.BROADCAST or progress.relayer_id is None:
        return None  # what a facilitator calls its transaction is not shown before it is proven
    assert progress.relayer_nonce is not None
    sent = Broadcast.objects.filter(
        relayer_id=progress.relayer_id, nonce=progress.relayer_nonce
    ).order_by("-variant")
    found = sent.values_list("transaction", flat=True).first()
    return None if found is None else bytes(found)
