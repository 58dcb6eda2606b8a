"""Refunds: a transaction is named or found, looked at until it is deep enough, and booked.

What proves a refund is a transfer of the same token to the wallet that paid, from the wallet that
was paid or another one that this seller proved to be theirs, after the payment and for no more
than is left of it. A stranger's transfer proves nothing: it may be anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.db.models.functions import Now
from django.utils import timezone

from payments import ledger
from payments.amounts import Amount, grouped
from payments.disputes import cases
from payments.disputes.states import allowed
from payments.models import Case, Dispute, Money, Payment, Progress, Refund, Side
from payments.refunds.proof import Back, Sight, transfers_to
from payments.refunds.refunded import refunded_atomic
from payments.wiring.networks import confirmations
from payments.x402.networks import chain_id_of
from payments.x402.schemes import exact_eip3009
from payments.x402.types import Authorization

log = logging.getLogger(__name__)

PATIENCE: Final = timedelta(hours=24)  # for a named transaction to get into a block
LOOK_LEAST, LOOK_MOST = timedelta(seconds=2), timedelta(minutes=5)
TAKEN: Final = timedelta(seconds=60)  # whoever takes a row up has so long before another does
Wallets = Callable[[UUID, str], Collection[str]]  # of a seller, on a network


def take_due(most: int) -> list[Refund]:
    """The refunds whose time has come, which nobody else takes up meanwhile.

    In the order in which they were named: of two that one transfer would prove, it is the first's.
    """
    with transaction.atomic():
        due = Refund.objects.filter(next_check_at__lte=Now()).order_by("next_check_at")
        taken = list(due.select_for_update(skip_locked=True)[:most])
        Refund.objects.filter(pk__in=[each.pk for each in taken]).update(
            next_check_at=Now() + TAKEN
        )
    return list(
        Refund.objects.filter(pk__in=[each.pk for each in taken])
        .select_related("payment__progress", "dispute")
        .order_by("named_at", "pk")
    )


def judge(refund: Refund, sight: Sight, wallets: Wallets) -> None:
    """Do what one look at the chain asks for."""
    if refund.state in (Refund.Found.SEEN, Refund.Found.CONFIRMED):
        _follow(refund, sight)
    elif sight.receipt is None:
        _wait_for_it(refund)
    elif sight.is_trusted:
        _read(refund, sight, wallets)
    else:
        _look_again(refund)  # nobody can say: another endpoint lags, or is silent


def _follow(refund: Refund, sight: Sight) -> None:
    """It was seen: is it there still, deep enough, final?"""
    assert refund.block_number is not None
    needed = confirmations(refund.network)
    depth = sight.head - refund.block_number + 1
    if not sight.stands:
        _uproot(refund)
    elif refund.state == Refund.Found.CONFIRMED and refund.block_number <= sight.final:
        _changed(refund, Refund.Found.CONFIRMED, next_check_at=None)
    elif refund.state == Refund.Found.SEEN and needed is not None and depth >= needed:
        _confirm(refund)
    else:
        _look_again(refund)


def _wait_for_it(refund: Refund) -> None:
    if timezone.now() - refund.named_at > PATIENCE:
        _refuse(refund, "no block holds this transaction, a day after it was named")
    else:
        _look_again(refund)


def _read(refund: Refund, sight: Sight, wallets: Wallets) -> None:
    """A named transaction is in a block: which of its transfers is the refund, if any?"""
    receipt, payment = sight.receipt, refund.payment
    assert receipt is not None
    paid_in = payment.progress.block_number
    if receipt.status != 1:
        return _refuse(refund, "this transaction failed: it moved nothing")
    if payment.progress.money == Money.FAILED:
        return _refuse(refund, "the payment itself moved nothing in the end")
    if paid_in is None:  # a reorg took it out of its block, and it may come into another
        return _look_again(refund)
    if receipt.block_number < paid_in:
        return _refuse(refund, "this transaction is older than the payment")
    known = {payment.pay_to, *wallets(refund.seller_id, refund.network)}
    back = list(transfers_to(receipt, refund.asset, payment.payer))
    own = [each for each in back if each.sender in known]
    if not own:
        return _refuse(refund, _why_not(refund, back))
    own = [each for each in own if not _is_payment(payment, each)]
    if not own:
        return _refuse(refund, "this transfer is itself a payment made here")
    return _see(refund, sight, own)


def _why_not(refund: Refund, back: list[Back]) -> str:
    if not back:
        return "no transfer of the payment's token to the wallet that paid is in this transaction"
    return (
        f"it was sent from {back[0].sender}, and the seller has not proven that this wallet is"
        " theirs; prove it under Payouts and name the transaction again"
    )


def _is_payment(payment: Payment, back: Back) -> bool:
    """Whether the transfer paid for a call: the seller may be the payer's customer."""
    if back.nonce is None:
        return False
    promise = Authorization(back.sender, payment.payer, 0, 0, 0, back.nonce, b"")
    identity = exact_eip3009.identity(chain_id_of(payment.network), payment.asset, promise)
    return Payment.objects.filter(identity=identity).exists()


def _see(refund: Refund, sight: Sight, own: Iterable[Back]) -> None:
    """The largest transfer that fits and proves no other refund."""
    assert sight.receipt is not None
    why = ""
    for back in sorted(own, key=lambda each: -each.amount_atomic):
        try:
            with transaction.atomic():
                left = _left_of(refund.payment)
                if not 0 < back.amount_atomic <= left:
                    why = why or _too_much(refund, back, left)
                    continue
                _changed(
                    refund,
                    Refund.Found.SEEN,
                    log_place=back.place,
                    sender=back.sender,
                    amount_atomic=back.amount_atomic,
                    block_number=sight.receipt.block_number,
                    block_hash=sight.receipt.block_hash,
                    next_check_at=Now(),
                )
                return
        except IntegrityError:
            why = "this transfer proves another refund already"
    _refuse(refund, why)


def _too_much(refund: Refund, back: Back, left: int) -> str:
    sent, rest = _text(refund, back.amount_atomic), _text(refund, left)
    return f"{sent} was sent, and only {rest} of the payment is left to give back"


def _left_of(payment: Payment) -> int:
    """Of what was paid, under the lock that every refund of it takes."""
    Progress.objects.select_for_update(no_key=True).get(pk=payment.pk)
    return int(payment.amount_atomic) - refunded_atomic(payment.pk)


@transaction.atomic
def _confirm(refund: Refund) -> None:
    Progress.objects.select_for_update(no_key=True).get(pk=refund.payment_id)
    if _changed(refund, Refund.Found.CONFIRMED, next_check_at=Now()):
        ledger.refund(refund.pk)
        _tell_case(refund)


def _tell_case(refund: Refund) -> None:
    """The case closes when all that was asked for is back; a part of it is noted."""
    dispute = Dispute.objects.select_for_update().get(pk=refund.dispute_id)
    back = _back_in(dispute)
    said = f"{_text(refund, int(refund.amount_atomic or 0))} came back"
    if back < int(dispute.asked_atomic):
        rest = _text(refund, int(dispute.asked_atomic) - back)
        cases.say(dispute, Side.CHAIN, f"{said}; {rest} of what was asked for is open.")
    elif allowed(Case(dispute.state), Case.REFUNDED, Side.CHAIN):
        cases.move(dispute, Case.REFUNDED, Side.CHAIN, f"{said}.")
    else:
        cases.say(dispute, Side.CHAIN, f"{said}, though the case was closed.")


@transaction.atomic
def _uproot(refund: Refund) -> None:
    """A reorg took its block away; it may come again in another."""
    Progress.objects.select_for_update(no_key=True).get(pk=refund.payment_id)
    was_booked = refund.state == Refund.Found.CONFIRMED
    if was_booked:
        ledger.reverse_refund(refund.pk)  # the line names what the row still says
    gone = {"log_place": None, "block_number": None, "block_hash": None}
    if not _changed(refund, Refund.Found.NAMED, next_check_at=Now(), **gone):
        transaction.set_rollback(True)
        return
    if was_booked:
        log.critical("reorg deeper than the confirmation depth: refund %s", refund.pk)
        _reopen(refund)


def _reopen(refund: Refund) -> None:
    dispute = Dispute.objects.select_for_update().get(pk=refund.dispute_id)
    text = "The chain took the refund back: its block is gone."
    others = Dispute.objects.filter(payment_id=refund.payment_id, closed_at__isnull=True)
    is_short = _back_in(dispute) < int(dispute.asked_atomic)
    if dispute.state == Case.REFUNDED and is_short and not others.exists():
        after = Case.ORDERED if dispute.ordered else Case.DUE
        cases.move(dispute, after, Side.CHAIN, text)
    else:
        cases.say(dispute, Side.CHAIN, text)


def _refuse(refund: Refund, why: str) -> None:
    _changed(refund, Refund.Found.REFUSED, why=why, next_check_at=None)


def _look_again(refund: Refund) -> None:
    """Soon after it was named, and less often the older it grows."""
    wait = min(max((timezone.now() - refund.named_at) / 10, LOOK_LEAST), LOOK_MOST)
    Refund.objects.filter(pk=refund.pk, version=refund.version, next_check_at__isnull=False).update(
        next_check_at=Now() + wait
    )


def _changed(refund: Refund, state: Refund.Found, **columns: Any) -> bool:
    """The one guarded change of a refund; False when somebody else was first."""
    same = Refund.objects.filter(pk=refund.pk, version=refund.version)
    return bool(same.update(state=state, version=F("version") + 1, **columns))


def _back_in(dispute: Dispute) -> int:
    confirmed = dispute.refunds.filter(state=Refund.Found.CONFIRMED)
    return int(confirmed.aggregate(sum=Sum("amount_atomic"))["sum"] or 0)


def _text(refund: Refund, atomic: int) -> str:
    return grouped(Amount.of(refund.network, refund.asset, atomic).text)
