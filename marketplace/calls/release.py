"""Release: what the buyer is told while the money moves, and the answer once it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.conf import settings

from marketplace.calls.outcomes import CallOutcome, Challenged, Delivered, Refused, Unavailable
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from payments import acceptance, lookup
from payments.lookup import Held
from payments.models import Money
from payments.states import PAID
from payments.x402.reasons import Reason
from payments.x402.types import Settlement

T = TypeVar("T")

PENDING_RETRY_SECONDS = 2


async def release(room: Room, payment_id: UUID, request: CallRequest) -> CallOutcome:
    """Hold: the answer leaves when the money has moved in a block."""
    held = await wait_for(room, payment_id, decided, request.gone)
    if held is None:
        await acceptance.abandon(room.pool, payment_id)
        return await pending(room, payment_id)
    if held.money == Money.FAILED:
        return Challenged(Reason.TRANSACTION_FAILED, "the payment could not be collected")
    return await hand_over(room, held)


def decided(held: Held) -> bool:
    return held.money in PAID or held.money == Money.FAILED


async def pending(room: Room, payment_id: UUID) -> Unavailable:
    """The answer is ready and the money on its way: unknown, and said so."""
    held = await lookup.by_id(room.pool, payment_id)
    assert held is not None
    return Unavailable(
        "settlement_pending",
        "The payment is being settled. Do not pay again: send the same payment, or look here.",
        PENDING_RETRY_SECONDS,
        payment_id=payment_id,
        settlement=Settlement(
            success=False,
            payer=held.payer,
            transaction=_hash(held.transaction),
            network=held.network,
            error_reason=Reason.SETTLEMENT_PENDING,
        ),
    )


async def hand_over(room: Room, held: Held, *, joined: bool = False) -> CallOutcome:
    answer = await lookup.stored_answer(room.pool, held.payment_id)
    assert answer is not None, "money is settled for an answer that is stored"
    if answer.body is None:
        return Refused(
            410,
            "answer_expired",
            "You paid for this, and the answer was kept for as long as the listing said; it is"
            f" gone. It had {answer.body_bytes} bytes, sha256:{answer.body_hash.hex()}.",
            payment_id=held.payment_id,
        )

    async def handed_over(reached: bool) -> None:
        if joined and not reached:
            await acceptance.uncollect(room.pool, held.payment_id)
        elif reached:
            await acceptance.collect(room.pool, held.payment_id)
        else:
            await acceptance.abandon(room.pool, held.payment_id)

    return Delivered(
        answer=answer,
        settlement=Settlement(
            success=True,
            payer=held.payer,
            transaction=_hash(held.transaction),
            network=held.network,
            amount_atomic=held.amount_atomic,
            extensions={
                "souk": {
                    "payment": str(held.payment_id),
                    "status": f"{settings.PUBLIC_BASE_URL}/p/{held.payment_id}",
                    "receipt": f"{settings.PUBLIC_BASE_URL}/p/{held.payment_id}/receipt",
                }
            },
        ),
        payment_id=held.payment_id,
        handed_over=handed_over,
        joined=joined,
    )


def _hash(transaction: bytes | None) -> str:
    return f"0x{transaction.hex()}" if transaction else ""


async def unless_gone(work: asyncio.Task[T], gone: asyncio.Event) -> T | None:
    """What comes of the work, or None when the buyer hangs up first; the work itself goes on."""
    hang_up = asyncio.create_task(gone.wait())
    try:
        await asyncio.wait({work, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        hang_up.cancel()


async def wait_for(
    room: Room, payment_id: UUID, wanted: Callable[[Held], bool], gone: asyncio.Event
) -> Held | None:
    """The payment as soon as it is as wanted; None when nobody waits any more."""
    waiting = asyncio.create_task(room.waits.until(payment_id, wanted, settings.HOLD_WAIT_SECONDS))
    try:
        return await unless_gone(waiting, gone)
    finally:
        waiting.cancel()


def gone_away(payment_id: UUID) -> Unavailable:
    return Unavailable(
        "hung_up", "The buyer hung up.", PENDING_RETRY_SECONDS, payment_id=payment_id
    )
