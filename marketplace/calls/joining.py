"""A new payment for a call that its buyer went away from."""

from __future__ import annotations

from dataclasses import replace

from marketplace.calls.outcomes import CallOutcome, Delivered, Streamed
from marketplace.calls.release import hand_over, pending, wait_for
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.trying_again import take_up
from payments import lookup
from payments.acceptance.promise import Purchase
from payments.lookup import Held
from payments.models import Money, Work
from payments.presented import Presented


async def join(
    room: Room, presented: Presented, purchase: Purchase, request: CallRequest
) -> CallOutcome | None:
    """A new payment for a call this buyer went away from joins the first one, uncharged.

    Stock clients sign afresh after a timeout. Being freshly signed it proves the buyer. None
    when there is nothing to join, and the new payment is claimed as usual.
    """
    twin = await lookup.abandoned_twin(
        room.pool,
        room.twins,
        payer=presented.authorization.payer,
        fingerprint=purchase.fingerprint,
    )
    if twin is None:
        return None
    held = await wait_for(room, twin.payment_id, _joined_ends, request.gone)
    if held is None:
        return await pending(room, twin.payment_id)
    if held.to_take_up:
        taken = await take_up(room, held, request, await request.read_body())
        return replace(taken, joined=True) if isinstance(taken, (Delivered, Streamed)) else taken
    if held.work != Work.ANSWERED or held.money == Money.FAILED:
        return None
    if not await room.collected.submit(held.payment_id):
        return None  # its answer was collected meanwhile: this is a purchase of its own
    return await hand_over(room, held, joined=True)


def _joined_ends(held: Held) -> bool:
    return held.work == Work.VOID or held.money == Money.FAILED or held.released or held.to_take_up
