"""The paid call: already ours → open → offer → input → accept → forward → judge → record → release.

Every step that costs nothing comes before every step that costs something, and no byte goes to
an upstream before the claim is committed.
"""

from __future__ import annotations

import hashlib

import psycopg
from django.conf import settings

from marketplace.calls import returning
from marketplace.calls.admission import (
    LATER_SECONDS,
    admit_input,
    check_window,
    closed_trial,
    not_now,
    simulate,
)
from marketplace.calls.attempt import Attempt, run
from marketplace.calls.ceiling import BadCeiling, ceiling_dollars, price_dollars
from marketplace.calls.outcomes import CallOutcome, Challenged, Refused, Unavailable
from marketplace.calls.requests import CallRequest, canonical_url
from marketplace.calls.room import Room
from marketplace.calls.shelf import Absent, Place, Shelved
from payments import lookup
from payments.acceptance import Claim, ClaimVerdict, Offer, Purchase
from payments.chains import ChainUnavailable
from payments.chains.collector import TooManyWaiting
from payments.limits import contract_budget_left
from payments.presented import Presented
from payments.x402.headers import decode_payment, matches
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.types import PaymentPayload

SOON_SECONDS = 2
CLOSED_SECONDS = 60
WALLET_PAUSE_SECONDS = 600


async def call(room: Room, place: Place, path: str, request: CallRequest) -> CallOutcome:
    """Serve one call that carries a payment."""
    try:
        return await _call(room, place, path, request)
    except Malformed as malformed:
        return Refused(400, malformed.reason, malformed.detail)
    except PaymentRefused as refused:
        return Challenged(refused.reason, refused.detail)
    except (ChainUnavailable, psycopg.OperationalError, TimeoutError, TooManyWaiting):
        return Unavailable(
            "unavailable",
            "This could not be decided just now. Send the same payment again.",
            LATER_SECONDS,
        )


async def _call(room: Room, place: Place, path: str, request: CallRequest) -> CallOutcome:
    assert request.credential is not None
    payload = decode_payment(request.credential)
    presented = Presented.read(payload, room.terms)
    held = await lookup.by_identity(room.pool, presented.identity)
    if held is not None:
        return await returning.answer(room, held, presented, path, request)
    if isinstance(place, Absent):
        return _absent(place)
    sold, offer = _choose(place, payload)
    if refused := _above_ceiling(request, offer):
        return refused
    body = await admit_input(sold, request)
    if isinstance(body, Refused):
        return body
    if unavailable := not_now(room, sold, offer.requirements.network):
        return unavailable
    purchase = _purchase(sold, request, body)
    outcome = await _accept(room, sold, offer, presented, purchase, request, body)
    if isinstance(outcome, Attempt):
        return await run(room, sold, outcome, request)
    return outcome


def _absent(place: Absent) -> CallOutcome:
    if place is Absent.CLOSED:
        return Unavailable(
            "listing_closed", "Not for sale at the moment; nothing was charged.", CLOSED_SECONDS
        )
    return Refused(404, "not_found", "There is no such listing here.")


def _choose(shelved: Shelved, payload: PaymentPayload) -> tuple[Shelved, Offer]:
    """The offer that the payment names, of this revision or of one whose price still stands."""
    for sold in (shelved, *shelved.earlier):
        for offer in sold.offers:
            if matches(offer.requirements, payload.accepted):
                if payload.resource_url not in {None, sold.url}:
                    raise PaymentRefused(
                        Reason.RESOURCE_MISMATCH, "this payment names another resource"
                    )
                return sold, offer
    raise PaymentRefused(Reason.NO_MATCHING_REQUIREMENTS)


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


async def _accept(
    room: Room,
    sold: Shelved,
    offer: Offer,
    presented: Presented,
    purchase: Purchase,
    request: CallRequest,
    body: bytes,
) -> CallOutcome | Attempt:
    """Check the promise, offline first and then on chain, and claim it."""
    requirements = offer.requirements
    check_window(room, presented, requirements)
    own_key = presented.signed_by_own_key(requirements)
    payer = presented.authorization.payer
    if payer in room.denied or requirements.pay_to in room.denied:
        return Refused(403, "address_denied", "This marketplace does not serve that address.")
    # Before the simulation: the first payment may have taken the last of the buyer's money.
    if own_key and (joined := await _join(room, presented, purchase, request)):
        return joined
    has_code = await simulate(room, presented, requirements, own_key=own_key)
    if has_code is None:
        return await _once_more(room, presented, request)
    if has_code and not await contract_budget_left(room.pool, payer):
        return Unavailable(
            "wallet_paused", "Settling for this wallet failed too often.", WALLET_PAUSE_SECONDS
        )
    if not own_key and (joined := await _join(room, presented, purchase, request)):
        return joined
    if unavailable := closed_trial(room, sold):
        return unavailable
    claim = _claim(room, offer, purchase, presented, has_code)
    verdict = await room.claims.submit(claim)
    if verdict in {ClaimVerdict.TAKEN, ClaimVerdict.TAKEN_ON_TRUST}:
        return Attempt.first(claim, body, on_trust=verdict is ClaimVerdict.TAKEN_ON_TRUST)
    return await _not_taken(room, verdict, presented, request)


async def _join(
    room: Room, presented: Presented, purchase: Purchase, request: CallRequest
) -> CallOutcome | None:
    return None if request.fresh else await returning.join(room, presented, purchase, request)


async def _once_more(room: Room, presented: Presented, request: CallRequest) -> CallOutcome:
    """Used on chain already. A twin of this call may have done that; nobody else's use counts."""
    held = await lookup.by_identity(room.pool, presented.identity)
    if held is not None:
        return await returning.answer(room, held, presented, held.listing_path, request)
    raise PaymentRefused(Reason.ALREADY_USED, "this authorization was used or cancelled elsewhere")


def _claim(
    room: Room, offer: Offer, purchase: Purchase, presented: Presented, has_code: bool
) -> Claim:
    requirements = offer.requirements
    return Claim(
        offer=offer,
        purchase=purchase,
        authorization=presented.authorization,
        identity=presented.identity,
        payer_has_code=has_code,
        identifier_hash=presented.identifier_hash,
        claimed_block=room.health[requirements.network].head_number,
        caps=room.exposure.caps(
            network=requirements.network,
            asset=requirements.asset,
            decimals=offer.decimals,
            payer=presented.authorization.payer,
            listing_id=purchase.listing_id,
            amount=requirements.amount_atomic,
        ),
    )


async def _not_taken(
    room: Room, verdict: ClaimVerdict, presented: Presented, request: CallRequest
) -> CallOutcome:
    held = await lookup.by_identity(room.pool, presented.identity)
    if held is not None:
        return await returning.answer(room, held, presented, held.listing_path, request)
    if verdict is ClaimVerdict.CAP_REACHED:
        return Unavailable(
            "exposure_cap",
            "Too much is unsettled for now; nothing was charged. Send the same payment again.",
            SOON_SECONDS,
        )
    return Unavailable(
        "offer_closed", "This price was just closed; nothing was charged.", SOON_SECONDS
    )
