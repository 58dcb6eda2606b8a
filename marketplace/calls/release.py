"""Release: what the buyer is told while the money moves, and the answer once it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from django.conf import settings

from marketplace.calls import coming_back
from marketplace.calls.leases import Lease
from marketplace.calls.noting import note_hand_over
from marketplace.calls.outcomes import (
    BUSY_SECONDS,
    CallOutcome,
    Challenged,
    Delivered,
    Refused,
    Unavailable,
)
from marketplace.calls.requests import CallRequest, Gone
from marketplace.calls.room import Room
from marketplace.calls.shares import Share
from payments import documents, lookup
from payments.acceptance import collecting
from payments.at_hand import payment_at_hand
from payments.lookup import Held, StoredAnswer
from payments.models import Money
from payments.states import PAID
from payments.x402.reasons import Reason
from payments.x402.types import Settlement

T = TypeVar("T")

PENDING_RETRY_SECONDS = 2
# Sending a payment again is free: whoever waits for it must not take the places of other buyers.
WAIT_TOGETHER_MAX = 3
_TOO_MANY_LEAVE = "The answer is here, and too many are on their way out."


async def release(
    room: Room,
    payment_id: UUID,
    request: CallRequest,
    answer: StoredAnswer | None = None,
    lease: Lease | None = None,
) -> CallOutcome:
    """Hold: the answer leaves when the money has moved in a block; on trust, at once.

    Whoever has just stored the `answer` has it in hand under a lease, and need not read it back.
    """
    payment_at_hand.set(payment_id)
    held = await wait_for(room, payment_id, decided, request.gone)
    if held is None:
        await collecting.abandon(room.pool, payment_id)
        return await pending(room, payment_id)
    if held.money == Money.FAILED:
        return uncollected(held)
    if answer is not None and lease is not None:
        return deliver(room, paid_of(held), answer, lease)
    return await hand_over(room, held)


def decided(held: Held) -> bool:
    return held.released or held.money in PAID or held.money == Money.FAILED


async def pending(room: Room, payment_id: UUID) -> Unavailable:
    """The money is on its way: unknown, and said so."""
    payment_at_hand.set(payment_id)
    held = await lookup.by_id(room.pool, payment_id)
    assert held is not None
    return Unavailable(
        "settlement_pending",
        f"The payment is being settled. {coming_back.how(held)}",
        PENDING_RETRY_SECONDS,
        payment_id=payment_id,
        settlement=_unpaid(held, Reason.SETTLEMENT_PENDING),
        extensions=coming_back.proof_asked(held),
    )


def come_again(held: Held, why: str) -> Unavailable:
    """No room just now, for a payment whose money moves or has moved."""
    moved = "You have paid." if held.paid else "Your payment is being settled."
    if held.paid or held.released:
        settlement = paid_of(held).settlement()
    else:
        settlement = _unpaid(held, Reason.SETTLEMENT_PENDING)
    return Unavailable(
        "busy",
        f"{why} {moved} {coming_back.how(held)}",
        BUSY_SECONDS,
        payment_id=held.payment_id,
        settlement=settlement,
        extensions=coming_back.proof_asked(held),
    )


def uncollected(held: Held) -> Challenged:
    """The money cannot move any more: nothing was charged, and a new payment would do."""
    return Challenged(
        Reason.TRANSACTION_FAILED,
        "This payment could not be collected; nothing was charged.",
        settlement=_unpaid(held, Reason.TRANSACTION_FAILED),
        payment_id=held.payment_id,
    )


def _unpaid(held: Held, why: Reason) -> Settlement:
    return Settlement(
        success=False,
        payer=held.payer,
        transaction=_hash(held.transaction),
        network=held.network,
        error_reason=why,
    )


async def hand_over(room: Room, held: Held, *, joined: bool = False) -> CallOutcome:
    """Once more what is stored; should we die on its way, the next payment joins this one."""
    payment_at_hand.set(held.payment_id)
    lease = room.leases.take(held.payment_id, held.attempt)
    outcome: CallOutcome | None = None
    try:
        outcome = await _stored(room, held, lease, joined=joined)
        return outcome
    finally:
        if not isinstance(outcome, Delivered):
            lease.end()


async def _stored(room: Room, held: Held, lease: Lease, *, joined: bool) -> CallOutcome:
    share = Share(room.in_hand, held.listing_path)
    if not share.draw(await lookup.answer_bytes(room.pool, held.payment_id)):
        return come_again(held, _TOO_MANY_LEAVE)
    answer = await lookup.stored_answer(room.pool, held.payment_id)
    assert answer is not None, "an answer is stored before anything is released"
    if answer.body is None:
        return Refused(
            410,
            "answer_expired",
            "You paid for this, and the answer was kept for as long as the listing said; it is"
            f" gone. It had {answer.body_bytes} bytes, sha256:{answer.body_hash.hex()}.",
            payment_id=held.payment_id,
        )
    # One that a reorg took back is superseded, or is about to be.
    receipt = answer.receipt if held.money == Money.CONFIRMED else None
    paid = replace(paid_of(held), receipt=receipt)
    return deliver(room, paid, replace(answer, share=share), lease, joined=joined)


@dataclass(frozen=True, slots=True)
class Paid:
    """What a buyer is told of the payment that comes with an answer."""

    payment_id: UUID
    payer: str
    network: str
    amount_atomic: int
    transaction: bytes | None  # None: on trust, the money moves later
    receipt: str | None = None

    def settlement(self) -> Settlement:
        return documents.settlement(
            self.payment_id, self.payer, self.network, self.amount_atomic, self.transaction,
            f"{settings.PUBLIC_BASE_URL}/p/{self.payment_id}", self.receipt,
        )  # fmt: skip


def paid_of(held: Held) -> Paid:
    transaction = held.transaction if held.paid else None
    return Paid(held.payment_id, held.payer, held.network, held.amount_atomic, transaction)


def deliver(
    room: Room, paid: Paid, answer: StoredAnswer, lease: Lease, *, joined: bool = False
) -> Delivered:
    """The answer leaves; whether it arrived is noted, together with others'.

    Until then its lease is kept: nobody's next payment is to join one whose buyer still reads.
    """
    payment_id = paid.payment_id

    async def handed_over(reached: bool) -> None:
        await note_hand_over(room, payment_id, reached=reached, then=lease.end)

    return Delivered(answer, paid.settlement(), payment_id, handed_over, joined)


def _hash(transaction: bytes | None) -> str:
    return f"0x{transaction.hex()}" if transaction else ""


async def unless_gone(work: asyncio.Task[T], gone: Gone) -> T | None:
    """What comes of the work, or None when the buyer hangs up first; the work itself goes on."""
    await asyncio.wait((work, gone.told), return_when=asyncio.FIRST_COMPLETED)
    return work.result() if work.done() else None


async def wait_for(
    room: Room, payment_id: UUID, wanted: Callable[[Held], bool], gone: Gone
) -> Held | None:
    """The payment as soon as it is as wanted; None when nobody waits any more, or enough do."""
    waiting = asyncio.create_task(
        room.waits.until(
            payment_id,
            wanted,
            settings.HOLD_WAIT_SECONDS,
            together_max=WAIT_TOGETHER_MAX,
        )
    )
    try:
        return await unless_gone(waiting, gone)
    finally:
        waiting.cancel()


def gone_away(payment_id: UUID) -> Unavailable:
    return Unavailable(
        "hung_up", "The buyer hung up.", PENDING_RETRY_SECONDS, payment_id=payment_id
    )
