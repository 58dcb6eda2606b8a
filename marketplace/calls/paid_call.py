"""The paid call: already ours → open → offer → input → accept → forward → judge → record → release.

Every step that costs nothing comes before every step that costs something, and no byte goes to
an upstream before the claim is committed.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from django.conf import settings

from marketplace.calls import returning
from marketplace.calls.accepting import accept
from marketplace.calls.admission import LATER_SECONDS, admit_input, not_now
from marketplace.calls.asking import Attempt
from marketplace.calls.attached import read_payment
from marketplace.calls.attempt import run
from marketplace.calls.ceiling import BadCeiling, ceiling_dollars, price_dollars
from marketplace.calls.outcomes import (
    MAYBE_TAKEN,
    CallOutcome,
    Challenged,
    Refused,
    Unavailable,
    wait_first,
)
from marketplace.calls.requests import CallRequest, canonical_url, with_segments
from marketplace.calls.room import Room
from marketplace.calls.shelf import Absent, Place, Shelved
from marketplace.calls.unsold import absent
from payments.acceptance.promise import Offer, Purchase
from payments.at_hand import payment_at_hand
from payments.chains import ChainUnavailable
from payments.chains.collector import TooManyWaiting
from payments.database.pool import AWAY
from payments.presented import Presented
from payments.x402.headers import matches
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.types import PaymentPayload

NOT_YOURS = (
    "This is a test call: only wallets that the draft's own seller has proven can pay for it."
    " Nothing was charged."
)

UNDECIDED = Unavailable(
    "unavailable",
    "This could not be decided just now. Send the same payment again.",
    LATER_SECONDS,
)


async def call(room: Room, place: Place, path: str, request: CallRequest) -> CallOutcome:
    """Serve one call that carries a payment."""
    return await said(counted(room, request.origin, _call(room, place, path, request)))


async def counted(
    room: Room, origin: Callable[[], str], work: Awaitable[CallOutcome]
) -> CallOutcome:
    """Whoever sends nothing but bad payments is not looked at for a while."""
    try:
        return await work
    except PaymentRefused as refused:
        room.strikes.refused(origin(), refused)
        raise


async def said(work: Awaitable[CallOutcome]) -> CallOutcome:
    """What a call comes to: a refusal is an answer too, and what stayed open is said to be."""
    try:
        return await work
    except Malformed as malformed:
        return Refused(400, malformed.reason, malformed.detail)
    except PaymentRefused as refused:
        return Challenged(refused.reason, refused.detail)
    except (ChainUnavailable, *AWAY, TooManyWaiting):
        return undecided()


def undecided() -> Unavailable:
    """What is said of the payment at hand when nobody knows; it is named, if it may be taken."""
    payment_id = payment_at_hand.get()
    if payment_id is None:
        return UNDECIDED
    detail = f"This could not be decided just now. {MAYBE_TAKEN}"
    return replace(UNDECIDED, detail=detail, payment_id=payment_id)


async def _call(room: Room, place: Place, path: str, request: CallRequest) -> CallOutcome:
    payload = await read_payment(room, place, request)
    if room.is_blind:
        return UNDECIDED
    presented = Presented.read(payload, room.terms)
    held = await room.known.submit(presented.identity)
    if held is not None:
        return await returning.answer(room, held, presented, path, request)
    if waits := _too_many(room, request, presented):
        return waits
    if isinstance(place, Absent):
        return absent(place)
    sold, offer = choose(place, payload)
    _must_name(sold, payload, request)
    if sold.only_for is not None and presented.authorization.payer not in sold.only_for:
        return Refused(403, "not_your_preview", NOT_YOURS)
    if refused := _above_ceiling(request, offer):
        return refused
    body = await admit_input(sold, request)
    if isinstance(body, Refused):
        return body
    if unavailable := not_now(room, sold, offer.requirements.network):
        return unavailable
    purchase = _purchase(sold, request, body)
    outcome = await accept(room, sold, offer, presented, purchase, request, body)
    if isinstance(outcome, Attempt):
        return await run(room, sold, outcome, request)
    return outcome


def _too_many(room: Room, request: CallRequest, presented: Presented) -> Refused | None:
    """Asked only of what is not ours already, and before anything is worked out for it."""
    if room.strikes.counts_nobody:
        return None
    seconds = room.strikes.wait_seconds(request.origin(), presented.authorization.payer)
    if not seconds:
        return None
    wait = max(1, math.ceil(seconds))
    detail = f"Too many payments that could not be taken. Wait {wait} s; nothing was charged."
    return wait_first("too_many_bad_payments", detail, wait)


def choose(shelved: Shelved, payload: PaymentPayload) -> tuple[Shelved, Offer]:
    """The offer that the payment names, of this revision or of one whose price still stands."""
    now = time.time()
    for sold in (shelved, *shelved.earlier):
        # The shelf is not told when a grace runs out; a new price is what the buyer needs then.
        for offer in sold.offers if sold.good_until_unix > now else ():
            if matches(offer.requirements, payload.accepted):
                return sold, offer
    raise PaymentRefused(Reason.NO_MATCHING_REQUIREMENTS)


def _must_name(sold: Shelved, payload: PaymentPayload, request: CallRequest) -> None:
    """A payment that names a resource names the listing's address, or this very one below it."""
    named = payload.resource_url
    if named not in {None, sold.url, with_segments(sold.url, request.segments)}:
        raise PaymentRefused(Reason.RESOURCE_MISMATCH, "this payment names another resource")


def _above_ceiling(request: CallRequest, offer: Offer) -> CallOutcome | None:
    if request.max_price is None:
        return None
    try:
        ceiling = ceiling_dollars(request.max_price)
    except BadCeiling as bad:
        return Refused(400, "bad_max_price", str(bad))
    if price_dollars(offer) > ceiling:
        return Challenged(Reason.PRICE_ABOVE_MAX, f"the price is ${price_dollars(offer)}")
    return None


def _purchase(sold: Shelved, request: CallRequest, body: bytes) -> Purchase:
    return Purchase(
        seller_id=sold.seller_id,
        listing_id=sold.listing_id,
        listing_path=sold.path,
        title=sold.terms.title,
        revision_hash=sold.revision_hash,
        method=request.method,
        url=canonical_url(settings.CALL_BASE_URL, sold.path, request.segments, request.query),
        body_hash=hashlib.sha256(body).digest(),
        release=sold.terms.release,
        answer_keep_days=sold.terms.answer_keep_days,
    )
