"""The same payment again, or a new one for a call its buyer went away from.

Looked up before offers, listing status, expiry and rate limits. Before the signature is checked
the answer is only ever 409 or 503, at once.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from marketplace.calls import allowance
from marketplace.calls.admission import check_window, closed_trial, not_now, read_body, simulate
from marketplace.calls.attempt import Attempt, run
from marketplace.calls.outcomes import (
    CallOutcome,
    Challenged,
    Delivered,
    Refused,
    Streamed,
    Unavailable,
)
from marketplace.calls.release import decided, hand_over, pending, release, wait_for
from marketplace.calls.requests import CallRequest, canonical_url
from marketplace.calls.room import Room
from marketplace.calls.shelf import Shelved
from payments import lookup, questions, wiring
from payments.acceptance import attempts
from payments.acceptance.attempts import Reopening
from payments.acceptance.promise import Purchase, fingerprint
from payments.identifiers import proves_identifier
from payments.lookup import Held
from payments.models import Money, Work
from payments.pool import one
from payments.presented import Presented
from payments.x402.reasons import PaymentRefused, Reason
from payments.x402.types import Requirements
from sellers.offers import resource_url

RETRY_SECONDS = 1
ALREADY_JUDGED_SECONDS = 2**40  # the window's far end was judged when it was claimed
REFUND_DUE = "This payment was collected and no answer came. The seller owes a refund."
NAMES_NOTHING = (
    "This payment was used before. If it was yours, send it again with the payment-identifier that"
    " was in it, or sign the text of the sign-in-with-x extension below with the paying wallet and"
    " add it as SIGN-IN-WITH-X."
)


async def answer(
    room: Room, held: Held, presented: Presented, path: str, request: CallRequest
) -> CallOutcome:
    """What a payment that we hold already gets, whatever has become of the listing."""
    if path != held.listing_path or not _is_held(held, presented):
        return _another_request()
    body = await read_body(request)
    if isinstance(body, Refused):
        return body
    if not hmac.compare_digest(held.fingerprint, _fingerprint(held, request, body)):
        return _another_request()
    if held.money == Money.FAILED:
        return Challenged(Reason.TRANSACTION_FAILED, "this payment could not be collected")
    if held.work == Work.OPEN and not held.to_take_up:
        return _conflict("in_flight", "This payment is at work at this very moment.")
    offer = _terms_of(room, held)
    signed = await _is_signed(room, held, presented, offer)
    if held.work == Work.OPEN:
        return await _after_drop(room, held, presented, request, body, signed)
    if held.work == Work.VOID:
        return await _after_void(room, held, presented, offer, request, body, signed)
    return await _after_answer(room, held, presented, request, signed)


def _is_held(held: Held, presented: Presented) -> bool:
    """The row was found by half a hash; what that stands for is compared in full."""
    word = presented.authorization
    return (held.network, held.asset, held.payer, held.nonce) == (
        presented.network,
        presented.asset,
        word.payer,
        word.nonce,
    )


def _fingerprint(held: Held, request: CallRequest, body: bytes) -> bytes:
    url = canonical_url(settings.CALL_BASE_URL, held.listing_path, request.segments, request.query)
    return fingerprint(held.revision_hash, request.method, url, hashlib.sha256(body).digest())


def _terms_of(room: Room, held: Held) -> Requirements:
    """What was signed for, from our own row and never from what the client says."""
    asset = room.assets[held.network, held.asset]
    return Requirements(
        scheme=held.scheme,
        network=held.network,
        amount_atomic=held.amount_atomic,
        asset=held.asset,
        pay_to=held.pay_to,
        max_timeout_seconds=ALREADY_JUDGED_SECONDS,
        extra={"name": asset.eip712_name, "version": asset.eip712_version},
    )


async def _is_signed(room: Room, held: Held, presented: Presented, offer: Requirements) -> bool:
    """The payer's key, or, for a contract wallet, the very bytes that were accepted before."""
    if presented.signed_by_own_key(offer):
        return True
    row = await one(
        room.pool,
        "select signature from payments_payment where id = %s and payer_has_code",
        (held.payment_id,),
    )
    stored = row[0] if row else None
    return stored is not None and hmac.compare_digest(stored, presented.authorization.signature)


async def _after_answer(
    room: Room, held: Held, presented: Presented, request: CallRequest, signed: bool
) -> CallOutcome:
    is_buyer = signed and await _never_was_out(room, held)
    if not is_buyer:
        is_buyer = await _proves_to_be_buyer(room, held, presented, request)
    if held.released:
        return await hand_over(room, held) if is_buyer else _names_nothing(held)
    if is_buyer:
        return await release(room, held.payment_id, request)
    if not signed:
        return Unavailable("settlement_pending", "This payment is being settled.", RETRY_SECONDS)
    later = await wait_for(room, held.payment_id, decided, request.gone)
    if later is None:
        return await pending(room, held.payment_id)
    if later.money == Money.FAILED:
        return Challenged(Reason.TRANSACTION_FAILED, "this payment could not be collected")
    return _names_nothing(held)


async def _never_was_out(room: Room, held: Held) -> bool:
    """Only the buyer and we have seen this signature: no transaction that we know of carried it.

    One that a reorg undid was public all the same.
    """
    if held.money != Money.NONE:
        return False
    query = "select 1 from payments_step where payment_id = %s and money <> 'none' limit 1"
    return await one(room.pool, query, (held.payment_id,)) is None


async def _proves_to_be_buyer(
    room: Room, held: Held, presented: Presented, request: CallRequest
) -> bool:
    if presented.identifier and await proves_identifier(room.pool, held, presented.identifier):
        return True
    siwx = request.siwx
    return siwx is not None and await room.is_wallet_of(siwx, held, _address(held))


async def _after_drop(
    room: Room,
    held: Held,
    presented: Presented,
    request: CallRequest,
    body: bytes,
    signed: bool,
) -> CallOutcome:
    """Paid upfront, and the process that was to do the work is gone: it is done now.

    The answer goes to a proven buyer only; whoever else knows the request may make it be done.
    """
    if not signed:
        return _names_nothing(held)
    is_buyer = await _proves_to_be_buyer(room, held, presented, request)
    outcome = await _take_up(room, held, request, body)
    if is_buyer or not isinstance(outcome, (Delivered, Streamed)):
        return outcome or _conflict("listing_closed", "What you bought is no longer sold.")
    await outcome.handed_over(False)
    return _names_nothing(held)


async def _take_up(room: Room, held: Held, request: CallRequest, body: bytes) -> CallOutcome | None:
    """Do the work of a payment that was dropped; None when it is no longer on sale."""
    sold = await room.shelf.by_hash(held.listing_path, held.revision_hash)
    if sold is None:
        return None
    lease_seconds = settings.LEASE_SECONDS
    if not await attempts.take_up(room.pool, held.standing, lease_seconds=lease_seconds):
        return _conflict("in_flight", "This payment was just taken up by another request.")
    return await run(room, sold, Attempt.another(held, body), request)


async def _after_void(
    room: Room,
    held: Held,
    presented: Presented,
    offer: Requirements,
    request: CallRequest,
    body: bytes,
    signed: bool,
) -> CallOutcome:
    """Nothing was charged: the same request may try again while its window allows."""
    if not signed or held.paid:
        if signed and await _proves_to_be_buyer(room, held, presented, request):
            return _conflict("refund_due", REFUND_DUE, held.payment_id)
        return _names_nothing(held)
    sold = await room.shelf.by_hash(held.listing_path, held.revision_hash)
    if sold is None:
        return _conflict(
            "listing_closed", "What you bought is no longer sold; nothing was charged."
        )
    if unavailable := not_now(room, sold, offer.network):
        return unavailable
    try:
        check_window(room, presented, offer)
        own_key = presented.signed_by_own_key(offer)
        used = await simulate(room, presented, offer, own_key=own_key) is None
    except PaymentRefused as refused:
        return _conflict(
            str(refused.reason), "This payment can no longer be tried; nothing was charged."
        )
    if used:
        return _names_nothing(held)
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
        return _conflict("in_flight", "This payment was just taken up by another request.")
    room.settle_bell.ring()
    return await run(room, sold, Attempt.another(held, body), request)


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
        taken = await _take_up(room, held, request, await request.read_body())
        return replace(taken, joined=True) if isinstance(taken, (Delivered, Streamed)) else taken
    if held.work != Work.ANSWERED or held.money == Money.FAILED:
        return None
    if not await room.collected.submit(held.payment_id):
        return None  # its answer was collected meanwhile: this is a purchase of its own
    return await hand_over(room, held, joined=True)


def _joined_ends(held: Held) -> bool:
    return held.work == Work.VOID or held.money == Money.FAILED or held.released or held.to_take_up


def _another_request() -> Refused:
    return _conflict("other_request", "This payment belongs to another request.")


def _names_nothing(held: Held) -> Refused:
    """Say nothing of what was bought, and ask the wallet to prove that it is the payer's."""
    question = questions.challenge(
        wiring.sign_in_secret(),
        uri=_address(held),
        network=held.network,
        now=int(time.time()),
    )
    refused = _conflict("already_used", NAMES_NOTHING)
    return replace(refused, extensions={questions.EXTENSION: question})


def _address(held: Held) -> str:
    """What a wallet proves itself to here: the listing, whichever way it is called."""
    return resource_url(settings.CALL_BASE_URL, held.listing_path)


def _conflict(error: str, detail: str, payment_id: UUID | None = None) -> Refused:
    return Refused(
        409, error, detail, headers=(("Retry-After", str(RETRY_SECONDS)),), payment_id=payment_id
    )
