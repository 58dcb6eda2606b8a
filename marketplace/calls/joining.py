"""A new payment for what its buyer has bought before: a call they went away from, or one they
gave the same identifier.
"""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from marketplace.calls.conflicts import conflict, refund_due
from marketplace.calls.outcomes import CallOutcome, Delivered, Streamed
from marketplace.calls.release import hand_over, pending, wait_for
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.trying_again import take_up
from payments import lookup
from payments.acceptance import collecting
from payments.acceptance.promise import Purchase, fingerprint
from payments.at_hand import payment_at_hand
from payments.lookup import Held
from payments.models import Money, Work
from payments.presented import Presented

IDENTIFIER_USED = (
    "This payment-identifier was used for another request. Give each request one of its own;"
    " nothing was charged."
)


async def join(
    room: Room, presented: Presented, purchase: Purchase, request: CallRequest
) -> CallOutcome | None:
    """A new payment for what this buyer has bought before joins the first one, uncharged.

    Stock clients sign afresh after a timeout, and all of them after a crash. Being freshly signed
    it proves the buyer. None when there is nothing to join, and the new payment is claimed as
    usual.
    """
    namesake = await _namesake(room, presented)
    if namesake is not None:
        if not _is_for(namesake, purchase):
            return conflict("identifier_used", IDENTIFIER_USED)
        return await _joined(room, namesake, request, once=False)
    twin = None if request.fresh else await _twin(room, presented, purchase)
    return None if twin is None else await _joined(room, twin, request, once=True)


async def _namesake(room: Room, presented: Presented) -> Held | None:
    """Whoever means another purchase names it otherwise: `X-Souk-Fresh` does not count here."""
    if presented.identifier_hash is None:
        return None
    return await lookup.namesake(
        room.pool,
        payer=presented.authorization.payer,
        identifier_hash=presented.identifier_hash,
        identity=presented.identity,
    )


def _is_for(held: Held, purchase: Purchase) -> bool:
    """Whether it is the same request, whatever the seller has changed of the listing since."""
    wanted = fingerprint(held.revision_hash, purchase.method, purchase.url, purchase.body_hash)
    return wanted == held.fingerprint


async def _twin(room: Room, presented: Presented, purchase: Purchase) -> Held | None:
    return await lookup.abandoned_twin(
        room.pool,
        room.twins,
        payer=presented.authorization.payer,
        fingerprint=purchase.fingerprint,
    )


async def _joined(
    room: Room, first: Held, request: CallRequest, *, once: bool
) -> CallOutcome | None:
    """What came of the first payment; an abandoned one is there for one other alone."""
    payment_at_hand.set(first.payment_id)
    outcome = await _brought(room, first, request, once=once)
    if outcome is None:  # what is claimed next is another one
        payment_at_hand.set(None)
    return outcome


async def _brought(
    room: Room, first: Held, request: CallRequest, *, once: bool
) -> CallOutcome | None:
    held = await wait_for(room, first.payment_id, _joined_ends, request.gone)
    if held is None:
        return await pending(room, first.payment_id)
    if held.to_take_up:
        taken = await take_up(room, held, request, await request.read_body())
        return replace(taken, joined=True) if isinstance(taken, (Delivered, Streamed)) else taken
    if held.work == Work.VOID and held.paid and not once:
        return refund_due(held)
    if held.work != Work.ANSWERED or held.money == Money.FAILED:
        return None
    is_taken = await collecting.take_left(
        room.pool, held.payment_id, lease_seconds=settings.LEASE_SECONDS, twins=room.twins
    )
    if once and not is_taken:
        return None  # its answer was collected meanwhile: this is a purchase of its own
    return await _handed_over(room, held)


async def _handed_over(room: Room, held: Held) -> CallOutcome:
    outcome: CallOutcome | None = None
    try:
        outcome = await hand_over(room, held, joined=True)
        return outcome
    finally:
        if not isinstance(outcome, Delivered):  # whatever it was, it is there for the next one
            room.start(collecting.abandon(room.pool, held.payment_id))


def _joined_ends(held: Held) -> bool:
    return held.work == Work.VOID or held.money == Money.FAILED or held.released or held.to_take_up
