"""Another attempt at what was bought: after one that charged nothing, or whose process is gone."""

from __future__ import annotations

from django.conf import settings

from marketplace.calls import allowance
from marketplace.calls.admission import (
    check_window,
    closed_trial,
    give_trial_back,
    not_now,
    try_on_chain,
)
from marketplace.calls.allowance import Again
from marketplace.calls.asking import Attempt
from marketplace.calls.attempt import run
from marketplace.calls.conflicts import (
    NO_LONGER_SOLD,
    RETRY_SECONDS,
    conflict,
    in_flight,
    names_nothing,
    refund_due,
)
from marketplace.calls.outcomes import CallOutcome, Unavailable
from marketplace.calls.readiness import CROWDED, place_for
from marketplace.calls.release import come_again, pending
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shares import Share
from marketplace.calls.shelf import Shelved
from marketplace.calls.spoken_for import spoken_for
from payments.acceptance import attempts
from payments.acceptance.attempts import Reopening
from payments.at_hand import payment_at_hand
from payments.lookup import Held
from payments.presented import Presented
from payments.x402.reasons import PaymentRefused
from payments.x402.types import Requirements

RULES_TRIES = 3


async def take_up(room: Room, held: Held, request: CallRequest, body: bytes) -> CallOutcome:
    """Do the work of a payment that was dropped: its money moves or has moved already."""
    payment_at_hand.set(held.payment_id)
    sold = await room.shelf.by_hash(held.listing_path, held.revision_hash)
    if sold is None:
        return await _nobody_works(room, held)
    place = place_for(room, sold)
    if isinstance(place, Unavailable):
        return come_again(held, CROWDED)
    lease_seconds = settings.LEASE_SECONDS
    if not await attempts.take_up(room.pool, held.standing, lease_seconds=lease_seconds):
        return in_flight("This payment was just taken up by another request.")
    return await run(room, sold, Attempt.another(held, body, place), request)


async def _nobody_works(room: Room, held: Held) -> CallOutcome:
    """What was bought is no longer sold, and nothing says yet that it never will be again."""
    if held.paid:
        return refund_due(held, NO_LONGER_SOLD)
    return await pending(room, held.payment_id)


async def try_again(
    room: Room,
    held: Held,
    presented: Presented,
    offer: Requirements,
    request: CallRequest,
    body: bytes,
) -> CallOutcome:
    """The same call, for the same payment, while its window allows."""
    payment_at_hand.set(held.payment_id)
    sold = await room.shelf.by_hash(held.listing_path, held.revision_hash)
    if sold is None:
        return conflict("listing_closed", "What you bought is no longer sold; nothing was charged.")
    if unavailable := not_now(room, sold, offer.network):
        return unavailable
    place = place_for(room, sold)
    if isinstance(place, Unavailable):
        return place
    try:
        check_window(room, sold, presented, offer)
        own_key = presented.signed_by_own_key(offer)
        tried = await try_on_chain(room, presented, offer, own_key=own_key)
    except PaymentRefused as refused:
        return conflict(
            str(refused.reason), "This payment can no longer be tried; nothing was charged."
        )
    if tried.used:
        return names_nothing(held)
    return await _reopen(room, held, sold, offer, tried.purse, request, body, place)


async def _reopen(
    room: Room,
    held: Held,
    sold: Shelved,
    offer: Requirements,
    purse: int,
    request: CallRequest,
    body: bytes,
    place: Share,
) -> CallOutcome:
    for _ in range(RULES_TRIES):
        allowed = await allowance.again(room, held)
        if allowed.refused:
            return allowed.refused
        if unavailable := closed_trial(room, sold, held.payer):
            return unavailable
        reopened = await _under_its_limits(room, held, sold, offer, purse, allowed)
        if reopened is not Reopening.LIMITS_CHANGED:
            break
    else:
        raise TimeoutError  # so often did the owner change them: it is tried again later
    if reopened is Reopening.CAP_REACHED:
        if refused := await allowance.used_up_again(room, held, allowed):
            return refused
        full = await spoken_for(room, offer, held.payer, purse)
        if isinstance(full, Unavailable):
            return full
        return Unavailable("exposure_cap", "Too much is unsettled for now.", RETRY_SECONDS)
    if reopened is Reopening.NAME_TAKEN:
        return conflict("identifier_used", "Another payment bought this under the same identifier.")
    if reopened is Reopening.TOO_LATE:
        return in_flight("This payment was just taken up by another request.")
    room.settle_bell.ring()
    return await run(room, sold, Attempt.another(held, body, place), request)


async def _under_its_limits(
    room: Room, held: Held, sold: Shelved, offer: Requirements, purse: int, allowed: Again
) -> Reopening:
    caps = allowed.caps + room.exposure.caps(
        network=offer.network,
        asset=offer.asset,
        decimals=room.assets[offer.network, offer.asset].decimals,
        payer=held.payer,
        listing_id=held.listing_id,
        amount=held.amount_atomic,
        purse=purse,
    )
    reopened: Reopening | None = None
    try:
        reopened = await attempts.reopen(
            room.pool,
            held,
            caps,
            lease_seconds=settings.LEASE_SECONDS,
            limits_version=allowed.rules.version,
        )
        return reopened
    finally:
        if reopened is not Reopening.REOPENED:
            give_trial_back(room, sold, held.payer)
