"""The same payment again.

Looked up before offers, listing status, expiry and rate limits. Before the signature is checked
the answer is only ever 409 or 503, at once.
"""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings

from marketplace.calls.admission import read_body
from marketplace.calls.coming_back import payer_of
from marketplace.calls.conflicts import (
    RETRY_SECONDS,
    conflict,
    in_flight,
    names_nothing,
    refund_due,
)
from marketplace.calls.outcomes import (
    OWES_REFUND,
    CallOutcome,
    Challenged,
    Delivered,
    Refused,
    Streamed,
    Unavailable,
    wait_first,
)
from marketplace.calls.release import decided, hand_over, pending, release, uncollected, wait_for
from marketplace.calls.requests import CallRequest, canonical_url
from marketplace.calls.room import Room
from marketplace.calls.trying_again import take_up, try_again
from payments.acceptance.promise import fingerprint
from payments.database.pool import one
from payments.identifiers import proves_identifier
from payments.lookup import Held
from payments.models import Money, Work
from payments.presented import Presented
from payments.wallets.siwx import AsksTooOften
from payments.x402.reasons import Reason
from payments.x402.types import Requirements

ALREADY_JUDGED_SECONDS = 2**40  # the window's far end was judged when it was claimed


async def answer(
    room: Room, held: Held, presented: Presented, path: str, request: CallRequest
) -> CallOutcome:
    """What a payment that we hold already gets, whatever has become of the listing."""
    try:
        return await _answer(room, held, presented, path, request)
    except AsksTooOften as often:
        return wait_first("too_often", often.detail, often.retry_seconds)


async def _answer(
    room: Room, held: Held, presented: Presented, path: str, request: CallRequest
) -> CallOutcome:
    if path != held.listing_path or not _is_held(held, presented):
        return _another_request()
    body = await read_body(request)
    if isinstance(body, Refused):
        return body
    if not hmac.compare_digest(held.fingerprint, _fingerprint(held, request, body)):
        return _another_request()
    if held.money == Money.FAILED:
        return await _after_failure(room, held, presented)
    if held.work == Work.OPEN and not held.to_take_up:
        return in_flight("This payment is at work at this very moment.")
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


async def _after_failure(room: Room, held: Held, presented: Presented) -> CallOutcome:
    signed = await _is_signed(room, held, presented, _terms_of(room, held))
    return uncollected(held) if signed else Challenged(Reason.TRANSACTION_FAILED)


async def _after_answer(
    room: Room, held: Held, presented: Presented, request: CallRequest, signed: bool
) -> CallOutcome:
    is_buyer = signed and await _never_was_out(room, held)
    if not is_buyer:
        is_buyer = await _proves_to_be_buyer(room, held, presented, request)
    if held.released:
        return await hand_over(room, held) if is_buyer else names_nothing(held)
    if is_buyer:
        return await release(room, held.payment_id, request)
    if not signed:
        return Unavailable("settlement_pending", "This payment is being settled.", RETRY_SECONDS)
    later = await wait_for(room, held.payment_id, decided, request.gone)
    if later is None:
        return await pending(room, held.payment_id)
    if later.money == Money.FAILED:
        return uncollected(later)
    return names_nothing(held)


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
    if request.siwx is None:
        return False
    why = await payer_of(held).why_unproven(
        request.siwx, room.pool, room.chains, origin=request.origin()
    )
    return why is None


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
        return names_nothing(held)
    is_buyer = await _proves_to_be_buyer(room, held, presented, request)
    outcome = await take_up(room, held, request, body)
    if is_buyer:
        return outcome
    if isinstance(outcome, (Delivered, Streamed)):
        await outcome.handed_over(False)
        return names_nothing(held)
    is_refund_due = isinstance(outcome, Refused) and outcome.error == OWES_REFUND
    return names_nothing(held) if is_refund_due else outcome


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
            return refund_due(held)
        return names_nothing(held)
    return await try_again(room, held, presented, offer, request, body)


def _another_request() -> Refused:
    return conflict("other_request", "This payment belongs to another request.")
