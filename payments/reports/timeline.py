"""The timeline of one payment: every step it took, and the money that went back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from payments.amounts import Amount
from payments.models import Money, Payment, Refund, Side, Step, Transfer, Work
from payments.states import REFUND_WORDS, Back, State, Words, words
from payments.written import hexadecimal

STEP_MARGIN = timedelta(minutes=1)
ON_CHAIN: Final = (Refund.Found.SEEN, Refund.Found.CONFIRMED)
_NOTICED = Words("refund_noticed", "refund noticed", "…", "waiting")
_TAKEN_BACK = Words("refund_reversed", "the chain took the refund back", "!", "bad")
_NAMED_BY: Mapping[Side, str] = MappingProxyType(
    {Side.PAYER: "named by the buyer", Side.SELLER: "named by the seller"}
)


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """The transfer back that an entry tells of."""

    transaction: str  # 0x and hexadecimal digits
    amount: Amount


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One step, in the words of every screen."""

    at: datetime
    words: Words
    why: str
    seconds_after_claim: float
    detail: Mapping[str, Any]
    back: MoneyBack | None = None


def timeline_of(payment: Payment, refunds: Sequence[Refund]) -> tuple[TimelineEntry, ...]:
    """All of it, in the order of time; `refunds`: every one that was ever named."""
    entries = [*_steps(payment), *_noticed(payment, refunds)]
    if refunds:
        entries += _booked(payment)
    return tuple(sorted(entries, key=lambda entry: entry.at))


def _steps(payment: Payment) -> Iterator[TimelineEntry]:
    # The time spares looking into the partitions of the months before.
    steps = Step.objects.filter(
        payment_id=payment.pk, at__gt=payment.created_at - STEP_MARGIN
    ).order_by("version")
    for step in steps:
        said = words(State(Work(step.work), Money(step.money)))
        yield TimelineEntry(step.at, said, step.why, _after(payment, step.at), step.detail)


def _noticed(payment: Payment, refunds: Sequence[Refund]) -> Iterator[TimelineEntry]:
    """What was named and is in no block proves nothing, and is left out."""
    for refund in refunds:
        if refund.state in ON_CHAIN:
            why = _NAMED_BY.get(Side(refund.named_by), "found on chain")
            back = _back(payment, refund.transaction, refund.amount_atomic)
            yield _entry(payment, refund.named_at, _NOTICED, why, back)


def _booked(payment: Payment) -> Iterator[TimelineEntry]:
    """When the ledger took each refund in, and when a reorg took one out again."""
    lines = Transfer.objects.filter(payment_id=payment.pk, debit__startswith="seller:")
    sum_atomic = 0
    for line in lines.order_by("-version"):  # a refund's lines are numbered downwards
        back = _back(payment, line.transaction, line.amount_atomic)
        if line.phase == Transfer.Phase.REVERSE:
            sum_atomic -= back.amount.atomic
            yield _entry(payment, line.at, _TAKEN_BACK, "reorg", back)
        else:
            sum_atomic += back.amount.atomic
            said = REFUND_WORDS[Back.of(sum_atomic, int(payment.amount_atomic))]
            yield _entry(payment, line.at, said, "proven on chain", back)


def _entry(payment: Payment, at: datetime, said: Words, why: str, back: MoneyBack) -> TimelineEntry:
    return TimelineEntry(at, said, why, _after(payment, at), {}, back)


def _back(payment: Payment, transaction: Any, atomic: Any) -> MoneyBack:
    amount = Amount.of(payment.network, payment.asset, int(atomic))
    return MoneyBack(hexadecimal(transaction), amount)


def _after(payment: Payment, at: datetime) -> float:
    return (at - payment.created_at).total_seconds()
