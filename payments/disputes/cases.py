"""A case between a buyer and a seller about one payment: its states, and who may move it.

We hold no money, so nobody here can pay back: the seller does, from a wallet of their own, and
the chain's word closes the case (`refunds`). Everything else is a step of one of the sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from payments.amounts import Amount, grouped
from payments.audit_log import RESTORED
from payments.disputes.states import STILL_OPEN, allowed
from payments.models import (
    AuditEntry,
    Case,
    Dispute,
    DisputeStep,
    Money,
    Payment,
    Progress,
    Reason,
    Side,
    Step,
)
from payments.models.disputes import KEY_CHARACTERS_MAX, WORDS_CHARACTERS_MAX
from payments.refunds.refunded import refunded_atomic
from payments.states import PAID
from payments.wiring.bounds import dispute_terms

CASES_PER_PAYMENT_MAX: Final = 3
STEPS_MAX: Final = 60  # of one case; so often each side can write something
ERASED: Final = "(erased with the account)"
UNANSWERED: Final = "Paid, and no answer came. The marketplace opened this by itself."
MAYBE_ANSWERED: Final = (
    "Paid, and no answer is known here. The marketplace's database was restored from a backup after"
    " this call was taken in, so that it may have been answered: an admin looks at it first. The"
    " marketplace opened this by itself."
)


class Denied(StrEnum):
    """Why a refund is not even considered, in the words of the x402 refund draft."""

    OUTSIDE_WINDOW = "outside_window"
    NOT_PAYER = "not_payer"
    ALREADY_REFUNDED = "already_refunded"
    AMOUNT_EXCEEDS = "amount_exceeds_settled"
    POLICY = "policy_denied"
    UNKNOWN_PAYMENT = "unknown_payment"


class DisputeRefused(Exception):
    """What was asked for cannot be; the message says what can."""

    def __init__(self, why: Denied, message: str) -> None:
        super().__init__(message)
        self.why = why
        self.message = message


class ForbiddenStep(Exception):
    """A programming error: no case may ever go from one of these states to the other by them."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a buyer asks for: why, how much of what they paid, and in which words."""

    reason: Reason
    amount_atomic: int
    text: str = ""
    key: str = ""  # the same key is the same request


@transaction.atomic
def move(dispute: Dispute, after: Case, by: Side, text: str = "") -> bool:
    """Take one step, unless somebody else took one since the row was read: then False."""
    before = Case(dispute.state)
    if not allowed(before, after, by):
        raise ForbiddenStep(f"{dispute.pk}: {before} → {after} by {by}")
    values = _columns(after)
    if after == Case.ORDERED:
        values["ordered"] = True
    return _stepped(dispute, after, by, text, values)


@transaction.atomic
def say(dispute: Dispute, by: Side, text: str) -> bool:
    """Add something to a case without moving it; False when somebody was quicker."""
    return _stepped(dispute, Case(dispute.state), by, text, {})


def open_dispute(payment: Payment, request: Request) -> Dispute:
    """A buyer wants money back. That they are the payer was shown before."""
    text = cleaned(request.text)
    with transaction.atomic():  # a second click of the same person waits for the first here
        progress = Progress.objects.select_for_update(no_key=True).get(pk=payment.pk)
        if known := _asked_before(payment.pk, request.key):
            return known
        _refuse_what_cannot_be(payment, progress, request)
        return _opened(payment, progress, request, Case.OPEN, Side.PAYER, text)


@transaction.atomic
def open_unanswered(payment_id: UUID) -> Dispute | None:
    """Paid and no answer came: the refund is due without anybody having to ask.

    Where the database was restored in between, the answer may be what the backup did not know:
    then somebody looks at it first.
    """
    progress = Progress.objects.select_for_update(no_key=True).get(pk=payment_id)
    payment = Payment.objects.defer("signature", "identifier_hash").get(pk=payment_id)
    left = int(payment.amount_atomic) - refunded_atomic(payment_id)
    if left <= 0 or Dispute.objects.filter(payment_id=payment_id).exists():
        return None
    request = Request(Reason.NOT_DELIVERED, left)
    was_restored = _was_restored_meanwhile(payment)
    state, text = (Case.REVIEW, MAYBE_ANSWERED) if was_restored else (Case.DUE, UNANSWERED)
    return _opened(payment, progress, request, state, Side.CLOCK, text)


def _was_restored_meanwhile(payment: Payment) -> bool:
    """Whether a backup that knew only the claim was restored before the money was seen."""
    paid = Step.objects.filter(payment=payment, money=Money.SETTLED)
    seen_at = paid.aggregate(at=Min("at"))["at"] or timezone.now()
    restores = AuditEntry.objects.filter(act=RESTORED)
    return restores.filter(at__gt=payment.created_at, at__lt=seen_at).exists()


def latest_of(payment_id: UUID) -> Dispute | None:
    """The newest case about a payment."""
    return Dispute.objects.filter(payment_id=payment_id).order_by("-id").first()


def why_not(payment: Payment, progress: Progress) -> DisputeRefused | None:
    """Why no dispute can be opened about a payment now; None when one can."""
    try:
        _refuse_what_cannot_be(payment, progress, Request(Reason.OTHER, 1))
    except DisputeRefused as refused:
        return refused
    return None


def erase_words(cases: Q, side: Side) -> None:
    """Let go of what a side wrote in these cases; what was decided, and when, stays."""
    steps = DisputeStep.objects.filter(dispute__in=Dispute.objects.filter(cases), by=side)
    steps.exclude(text="").update(text=ERASED)


def cleaned(text: str) -> str:
    """Somebody's words, as they may stand on a page; refused when there are too many."""
    text = "\n".join(line.strip() for line in text.strip().splitlines())
    text = "".join(each for each in text if each.isprintable() or each == "\n")
    if len(text) > WORDS_CHARACTERS_MAX:
        raise DisputeRefused(
            Denied.POLICY, f"say it in {WORDS_CHARACTERS_MAX} characters; these are {len(text)}"
        )
    return text


def _asked_before(payment_id: UUID, key: str) -> Dispute | None:
    known = Dispute.objects.filter(payment_id=payment_id, idempotency_key=key)
    return known.first() if key else None


def _refuse_what_cannot_be(payment: Payment, progress: Progress, request: Request) -> None:
    if progress.money not in PAID:
        raise DisputeRefused(
            Denied.POLICY, "nothing was charged for it, so nothing can be returned"
        )
    days = dispute_terms().window_days
    if timezone.now() > payment.created_at + timedelta(days=days):
        raise DisputeRefused(
            Denied.OUTSIDE_WINDOW, f"a payment can be disputed for {days} days; this one is older"
        )
    left = int(payment.amount_atomic) - refunded_atomic(payment.pk)
    if left <= 0:
        raise DisputeRefused(Denied.ALREADY_REFUNDED, "all of it was given back already")
    if not 0 < request.amount_atomic <= left:
        raise DisputeRefused(
            Denied.AMOUNT_EXCEEDS,
            f"ask for {grouped(Amount.of(payment.network, payment.asset, left).text)} at most, and"
            " for more than nothing: so much is left of it",
        )
    if len(request.key) > KEY_CHARACTERS_MAX:
        raise DisputeRefused(
            Denied.POLICY, f"an idempotency key has {KEY_CHARACTERS_MAX} characters at most"
        )
    _refuse_after(list(Dispute.objects.filter(payment_id=payment.pk).order_by("-id")))


def _refuse_after(earlier: list[Dispute]) -> None:
    if not earlier:
        return
    if earlier[0].closed_at is None:
        raise DisputeRefused(Denied.POLICY, "there is an open dispute about this payment already")
    if earlier[0].state in (Case.REJECTED, Case.UNPAID):
        raise DisputeRefused(Denied.POLICY, "the marketplace has decided about this payment")
    if len(earlier) >= CASES_PER_PAYMENT_MAX:
        raise DisputeRefused(
            Denied.POLICY, f"a payment can be disputed {CASES_PER_PAYMENT_MAX} times"
        )


def _opened(
    payment: Payment, progress: Progress, request: Request, state: Case, by: Side, text: str
) -> Dispute:
    assert progress.block_number is not None  # it is paid
    dispute = Dispute.objects.create(
        payment_id=payment.pk,
        seller_id=payment.seller_id,
        payer=payment.payer,
        opened_by=by,
        opened_at=Now(),
        reason=request.reason,
        asked_atomic=request.amount_atomic,
        idempotency_key=request.key or None,
        state=state,
        version=1,
        searched_block=progress.block_number - 1,
        **_columns(state),
    )
    _write_step(dispute.pk, 1, state, by, text)
    dispute.refresh_from_db()
    return dispute


def _columns(state: Case) -> dict[str, Any]:
    """What each state means for the clock; all by the database's."""
    terms = dispute_terms()
    days = {
        Case.OPEN: terms.answer_days,
        Case.DUE: terms.refund_days,
        Case.ORDERED: terms.refund_days,
    }.get(state)
    is_open = state in STILL_OPEN
    return {
        "deadline_at": None if days is None else Now() + timedelta(days=days),
        "next_check_at": Now() if is_open else None,
        "closed_at": None if is_open else Now(),
    }


def _stepped(dispute: Dispute, after: Case, by: Side, text: str, values: Mapping[str, Any]) -> bool:
    text = cleaned(text)
    if by in (Side.PAYER, Side.SELLER) and after == dispute.state and dispute.version >= STEPS_MAX:
        raise DisputeRefused(Denied.POLICY, "enough was said in this dispute")
    same = Dispute.objects.filter(pk=dispute.pk, version=dispute.version)
    if by == Side.CLOCK:
        same = same.filter(deadline_at__lt=Now())
    if not same.update(state=after, version=F("version") + 1, **values):
        return False
    is_move = after != dispute.state
    _write_step(dispute.pk, dispute.version + 1, after, by, text, is_move=is_move)
    dispute.refresh_from_db()
    return True


def _write_step(
    dispute_id: UUID, version: int, state: Case, by: Side, text: str, *, is_move: bool = True
) -> None:
    DisputeStep.objects.create(
        dispute_id=dispute_id,
        version=version,
        at=Now(),
        by=by,
        state=state,
        is_move=is_move,
        text=text,
        mail_at=Now(),
    )
