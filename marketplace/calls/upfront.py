"""Upfront release: the money moves first, then the seller is called."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from marketplace.calls.outcomes import CallOutcome, Unavailable
from marketplace.calls.release import PENDING_RETRY_SECONDS, pending, uncollected
from marketplace.calls.room import Room
from payments import lookup
from payments.acceptance import attempts
from payments.lookup import Held
from payments.models import Money, Work


async def settle_first(room: Room, payment_id: UUID, attempt: int) -> Held:
    """The payment once its money has moved, or as it stands when the time for that is over.

    What was not even sent is voided. What was sent is dropped: its buyer comes back for the work.
    """
    held = await room.waits.until(payment_id, _decided, settings.HOLD_WAIT_SECONDS)
    while held is None or not (held.paid or held.money == Money.BROADCAST):
        held = await lookup.by_id(room.pool, payment_id)
        assert held is not None
        if held.work != Work.OPEN or held.attempt != attempt:
            break
        if held.money in {Money.NONE, Money.FAILED}:
            why = "not settled in time"
            await attempts.void(room.pool, held.standing, why=why, detail={}, definite=False)
            held = None  # and how it stands now
    if held.money == Money.BROADCAST:
        await attempts.drop(room.pool, payment_id, attempt)
    return held


def _decided(held: Held) -> bool:
    return held.paid or held.money == Money.FAILED


def is_to_be_done(held: Held, attempt: int) -> bool:
    """Whether the work is paid for, and still this attempt's to do."""
    return held.paid and held.work == Work.OPEN and held.attempt == attempt


async def unsettled(room: Room, held: Held) -> CallOutcome:
    """What the buyer is told when the seller was not called."""
    if held.paid or held.money == Money.BROADCAST:
        return await pending(room, held.payment_id)
    if held.money == Money.FAILED:
        return uncollected(held)
    return Unavailable(
        "not_settled",
        "The payment could not be settled in time; nothing was charged. Send it again.",
        PENDING_RETRY_SECONDS,
        payment_id=held.payment_id,
    )
