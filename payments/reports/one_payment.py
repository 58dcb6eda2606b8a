"""Reads for pages: one payment as it stands, with every step it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from payments.cut_streams import CutStream, cut_stream_of
from payments.models import (
    Answer,
    Broadcast,
    ChainHealth,
    Money,
    Payment,
    Progress,
    Receipt,
    Refund,
    Work,
)
from payments.reports.purchases import NEIGHBOURS_MAX, REPEAT_SECONDS
from payments.reports.timeline import ON_CHAIN, TimelineEntry, timeline_of
from payments.states import (
    PAID,
    SEND_AGAIN,
    Back,
    State,
    Words,
    is_released,
    is_to_take_up,
    may_be_cut,
    words,
)

REPEATS_SHOWN = 5


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
    refunds: tuple[Refund, ...] = ()  # those that are in a block
    cut: CutStream | None = None  # what passed of an answer that does not come any more

    @property
    def refunded_atomic(self) -> int:
        """What is back for good."""
        done = [each for each in self.refunds if each.state == Refund.Found.CONFIRMED]
        return sum(int(each.amount_atomic or 0) for each in done)

    @property
    def back(self) -> Back:
        return Back.of(self.refunded_atomic, int(self.payment.amount_atomic))

    @property
    def state(self) -> State:
        return State(Work(self.progress.work), Money(self.progress.money))

    @property
    def words(self) -> Words:
        left, upfront = _lease_left_seconds(self.progress), self.payment.release == "upfront"
        if is_to_take_up(self.state, left, upfront=upfront):
            return SEND_AGAIN
        return words(self.state, self.back)

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
        """Whether the buyer may have the stored answer."""
        return is_released(self.state, on_trust=self.progress.on_trust)

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
    refunds = _refunds(payment_id)
    return PaymentReport(
        payment=payment,
        progress=payment.progress,
        answer=answer,
        timeline=timeline_of(payment, refunds),
        transaction=_transaction(payment.progress),
        head_number=health.head_number if health else None,
        receipt_version=_latest_receipts(payment_id).values_list("version", flat=True).first(),
        refunds=tuple(each for each in refunds if each.state in ON_CHAIN),
        cut=cut_stream_of(payment_id) if _may_be_cut(payment) else None,
    )


def _may_be_cut(payment: Payment) -> bool:
    progress = payment.progress
    state = State(Work(progress.work), Money(progress.money))
    left = _lease_left_seconds(progress)
    return may_be_cut(state, left, upfront=payment.release == "upfront")


def _lease_left_seconds(progress: Progress) -> float:
    lease = progress.lease_until
    return 0.0 if lease is None else (lease - timezone.now()).total_seconds()


def _refunds(payment_id: UUID) -> list[Refund]:
    """Every transfer back that was named or found, in the order of their blocks."""
    return list(Refund.objects.filter(payment_id=payment_id).order_by("block_number"))


def receipts_of(payment_id: UUID) -> list[Receipt]:
    """Every version that was signed, the one that holds first."""
    return list(_latest_receipts(payment_id))


def receipt_of_version(payment_id: UUID, version: int) -> Receipt | None:
    """One version, also one that is superseded."""
    return _latest_receipts(payment_id).filter(version=version).first()


@dataclass(frozen=True, slots=True)
class Repeat:
    """Another payment of the same wallet for the same request, a moment before or after."""

    id: UUID
    at: datetime
    seconds_later: float  # than the payment that is looked at; less than nothing: earlier


_REPEATS = f"""
    select n.id, n.created_at from (
        select q.id, q.created_at, q.fingerprint from payments_payment q
         where q.payer = %(payer)s
           and q.created_at between %(at)s - interval '{REPEAT_SECONDS} seconds'
                                and %(at)s + interval '{REPEAT_SECONDS} seconds'
         order by abs(extract(epoch from q.created_at - %(at)s)) limit {NEIGHBOURS_MAX}) n
      join payments_progress g on g.payment_id = n.id
     where n.id <> %(id)s and n.fingerprint = %(fingerprint)s
       and g.money in ('settled', 'confirmed')
     order by n.created_at limit {REPEATS_SHOWN}
"""  # noqa: S608 - composed of our own constants only


def repeats_of(report: PaymentReport) -> list[Repeat]:
    """Whether this looks as if it had been paid twice; only for whoever paid."""
    payment = report.payment
    if report.state.money not in PAID:
        return []
    values: dict[str, Any] = {
        "payer": payment.payer,
        "at": payment.created_at,
        "id": payment.pk,
        "fingerprint": bytes(payment.fingerprint),
    }
    with connection.cursor() as cursor:
        cursor.execute(_REPEATS, values)
        found = cursor.fetchall()
    return [Repeat(key, at, (at - payment.created_at).total_seconds()) for key, at in found]


def latest_receipt(payment_id: UUID) -> Receipt | None:
    """The receipt that holds; every earlier version is superseded by it."""
    return _latest_receipts(payment_id).first()


def _latest_receipts(payment_id: UUID) -> QuerySet[Receipt]:
    return Receipt.objects.filter(payment_id=payment_id).order_by("-version")


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
