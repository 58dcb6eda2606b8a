"""What one attempt asks of its seller, and how: a place, a connection, and who is to blame."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

import psycopg

from marketplace.calls.admission import path_values
from marketplace.calls.forwarding import Failed, FailureKind, Outcome, forward
from marketplace.calls.passage import Passage
from marketplace.calls.places import NoPlace
from marketplace.calls.release import Paid
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shares import Share
from marketplace.calls.shelf import Shelved
from payments.acceptance.promise import Claim
from payments.exposure import risk
from payments.lookup import Held
from payments.wiring.keys import upstream_signing_key


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the upstream is asked, on whose behalf, and for which time."""

    payment_id: UUID
    number: int
    payer: str
    idempotency_key: str
    body: bytes
    place: Share  # among the listing's calls, from before the claim until the work is done
    on_trust: Paid | None = None  # what the buyer is told with an answer that need not wait
    upfront: bool = False

    @staticmethod
    def first(claim: Claim, body: bytes, place: Share, *, on_trust: bool) -> Attempt:
        payment_id, wanted = claim.payment_id, claim.offer.requirements
        payer = claim.authorization.payer
        paid = Paid(payment_id, payer, wanted.network, wanted.amount_atomic, None)
        return Attempt(
            payment_id,
            1,
            payer,
            str(payment_id),
            body,
            place,
            on_trust=paid if on_trust else None,
            upfront=claim.purchase.release == "upfront",
        )

    @staticmethod
    def another(held: Held, body: bytes, place: Share) -> Attempt:
        return Attempt(
            held.payment_id,
            held.attempt + 1,
            held.payer,
            held.idempotency_key,
            body,
            place,
            upfront=held.release == "upfront",
        )


async def blame(room: Room, sold: Shelved, attempt: Attempt, why: str) -> None:
    is_proven = attempt.upfront  # whose money has moved for this very call
    if not is_proven:
        with contextlib.suppress(psycopg.Error, TimeoutError):
            is_proven = await risk.has_paid(room.pool, attempt.payment_id)
    now = asyncio.get_running_loop().time()
    room.breaker.failed(sold.path, attempt.payer, now, why, is_proven=is_proven)


async def ask(
    room: Room, sold: Shelved, attempt: Attempt, request: CallRequest, passage: Passage | None
) -> Outcome:
    """Call the seller once a connection is free; what is sent and answered counts as in hand."""
    share = Share(room.in_hand, sold.path)
    if passage is not None:
        passage.share = share
    host = sold.upstream.origin
    try:
        if attempt.body and not share.draw(len(attempt.body)):
            raise NoPlace
        await room.places.take(host, sold.upstream.connect_seconds)
    except NoPlace:
        return Failed(FailureKind.NO_PLACE, "too many calls are under way")
    try:
        return await _forward(room, sold, attempt, request, passage, share)
    except BaseException:  # as above
        share.give_back()
        raise
    finally:
        room.places.give_back(host)


async def _forward(
    room: Room,
    sold: Shelved,
    attempt: Attempt,
    request: CallRequest,
    passage: Passage | None,
    share: Share,
) -> Outcome:
    return await forward(
        room.client,
        sold.upstream,
        path_values=path_values(sold, request),
        query=request.query,
        headers=request.headers,
        body=attempt.body,
        idempotency_key=attempt.idempotency_key,
        marks={"payment": str(attempt.payment_id), "payer": attempt.payer, "listing": sold.path},
        signing_key=upstream_signing_key(str(sold.draft_of or sold.listing_id)),
        passage=passage,
        share=share,
    )
