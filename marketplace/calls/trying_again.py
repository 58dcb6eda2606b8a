"""Another attempt at what was bought: after one that charged nothing, or whose process is gone."""

from __future__ import annotations

from django.conf import settings

from marketplace.calls import allowance
from marketplace.calls.admission import check_window, closed_trial, not_now, simulate
from marketplace.calls.attempt import Attempt, run
from marketplace.calls.conflicts import RETRY_SECONDS, conflict, names_nothing
from marketplace.calls.outcomes import CallOutcome, Unavailable
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shelf import Shelved
from payments.acceptance import attempts
from payments.acceptance.attempts import Reopening
from payments.lookup import Held
from payments.presented import Presented
from payments.x402.reasons import PaymentRefused
from payments.x402.types import Requirements


async def take_up(room: Room, held: Held, request: CallRequest, body: bytes) -> CallOutcome | None:
    """Do the work of a payment that was dropped; None when it is no longer on sale."""
    sold = await room.shelf.by_hash(held.listing_path, held.revision_hash)
    if sold is None:
        return None
    lease_seconds = settings.LEASE_SECONDS
    if not await attempts.take_up(room.pool, held.standing, lease_seconds=lease_seconds):
        return conflict("in_flight", "This payment was just taken up by another request.")
    return await run(room, sold, Attempt.another(held, body), request)


async def try_again(
    room: Room,
    held: Held,
    presented: Presented,
    offer: Requirements,
    request: CallRequest,
    body: bytes,
) -> CallOutcome:
    """The same call, for the same payment, while its window allows."""
    sold = await room.shelf.by_hash(held.listing_path, held.revision_hash)
    if sold is None:
        return conflict("listing_closed", "What you bought is no longer sold; nothing was charged.")
    if unavailable := not_now(room, sold, offer.network):
        return unavailable
    try:
        check_window(room, presented, offer)
        own_key = presented.signed_by_own_key(offer)
        used = await simulate(room, presented, offer, own_key=own_key) is None
    except PaymentRefused as refused:
        return conflict(
            str(refused.reason), "This payment can no longer be tried; nothing was charged."
        )
    if used:
        return names_nothing(held)
    if unavailable := closed_trial(room, sold):
        return unavailable
    return await _reopen(room, held, sold, offer, request, body)


async def _reopen(
    room: Room,
    held: Held,
    sold: Shelved,
    offer: Requirements,
    request: CallRequest,
    body: bytes,
) -> CallOutcome:
    spent, refused = await allowance.again(room, held)
    if refused:
        return refused
    caps = spent + room.exposure.caps(
        network=offer.network,
        asset=offer.asset,
        decimals=room.assets[offer.network, offer.asset].decimals,
        payer=held.payer,
        listing_id=held.listing_id,
        amount=held.amount_atomic,
    )
    reopened = await attempts.reopen(
        room.pool, held.standing, caps, lease_seconds=settings.LEASE_SECONDS
    )
    if reopened is Reopening.CAP_REACHED:
        return Unavailable("exposure_cap", "Too much is unsettled for now.", RETRY_SECONDS)
    if reopened is Reopening.TOO_LATE:
        return conflict("in_flight", "This payment was just taken up by another request.")
    room.settle_bell.ring()
    return await run(room, sold, Attempt.another(held, body), request)
