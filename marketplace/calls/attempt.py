"""One attempt at a bought call: forward it, judge the answer and record it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

import psycopg

from marketplace.calls.admission import path_values
from marketplace.calls.forwarding import Answered, Outcome, forward
from marketplace.calls.judging import Terms, Verdict, judge
from marketplace.calls.outcomes import (
    CallOutcome,
    NotCharged,
    PaidUnanswered,
    Unavailable,
)
from marketplace.calls.passage import Passage
from marketplace.calls.release import (
    PENDING_RETRY_SECONDS,
    Paid,
    deliver,
    gone_away,
    paid_of,
    release,
    unless_gone,
)
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shelf import Shelved
from marketplace.calls.streaming import begins, streamed
from marketplace.calls.upfront import is_to_be_done, settle_first, unsettled
from payments import lookup, wiring
from payments.acceptance import attempts, collecting
from payments.acceptance.answering import NewAnswer
from payments.acceptance.promise import Claim
from payments.at_hand import payment_at_hand
from payments.lookup import Held, StoredAnswer
from payments.models import Money, Work

VOID_TRIES = 3
STORE_TRIES = 20
STORE_PAUSE_SECONDS = 0.5
ABANDON_TRIES = 60
ABANDON_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the upstream is asked, on whose behalf, and for which time."""

    payment_id: UUID
    number: int
    payer: str
    idempotency_key: str
    body: bytes
    on_trust: Paid | None = None  # what the buyer is told with an answer that need not wait
    upfront: bool = False

    @staticmethod
    def first(claim: Claim, body: bytes, *, on_trust: bool) -> Attempt:
        payment_id, wanted = claim.payment_id, claim.offer.requirements
        payer = claim.authorization.payer
        paid = Paid(payment_id, payer, wanted.network, wanted.amount_atomic, None)
        return Attempt(
            payment_id,
            1,
            payer,
            str(payment_id),
            body,
            on_trust=paid if on_trust else None,
            upfront=claim.purchase.release == "upfront",
        )

    @staticmethod
    def another(held: Held, body: bytes) -> Attempt:
        return Attempt(
            held.payment_id,
            held.attempt + 1,
            held.payer,
            held.idempotency_key,
            body,
            upfront=held.release == "upfront",
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended: stored, or not billable; and what was paid before it began."""

    verdict: Verdict
    outcome: Outcome
    recorded: bool
    paid: Paid | None = None


async def run(room: Room, sold: Shelved, attempt: Attempt, request: CallRequest) -> CallOutcome:
    """Do the work; a buyer who does not get the answer now can have it later."""
    payment_at_hand.set(attempt.payment_id)
    told = False
    try:
        outcome = await _run(room, sold, attempt, request)
        told = True
        return outcome
    finally:
        if not told:  # whatever it was, the buyer's next payment for this must join this one
            room.start(_abandon_in_the_end(room, attempt.payment_id))


async def _abandon_in_the_end(room: Room, payment_id: UUID) -> None:
    for _ in range(ABANDON_TRIES):
        with contextlib.suppress(psycopg.Error, TimeoutError):
            await collecting.abandon(room.pool, payment_id)
            return
        await asyncio.sleep(ABANDON_PAUSE_SECONDS)


async def _run(room: Room, sold: Shelved, attempt: Attempt, request: CallRequest) -> CallOutcome:
    passage = Passage() if sold.terms.stream and attempt.upfront else None
    work = room.start(_work(room, sold, attempt, request, passage))
    if passage is not None and await begins(passage, work, request):
        return streamed(room, attempt.payment_id, passage)
    ended = await unless_gone(work, request.gone)
    if ended is None:
        if passage is not None:
            passage.leave()
        await collecting.abandon(room.pool, attempt.payment_id)
        return gone_away(attempt.payment_id)
    if isinstance(ended, Held):
        return await unsettled(room, ended)
    if not ended.verdict.billable:
        return _not_charged(attempt, ended)
    if not ended.recorded:
        return Unavailable(
            "superseded",
            "This attempt took too long and another one took its place. Send it again.",
            PENDING_RETRY_SECONDS,
            payment_id=attempt.payment_id,
        )
    if attempt.on_trust is not None:
        return deliver(room, attempt.on_trust, _in_hand(ended.outcome))
    # Under the lease until the buyer has it: should we die now, the next payment joins this one.
    room.leases[attempt.payment_id] = attempt.number
    try:
        return await release(room, attempt.payment_id, request, _in_hand(ended.outcome))
    finally:
        room.leases.pop(attempt.payment_id, None)


async def _work(
    room: Room,
    sold: Shelved,
    attempt: Attempt,
    request: CallRequest,
    passage: Passage | None = None,
) -> Ended | Held:
    """Upfront the money comes first; a payment that is not settled in time is given back."""
    loop = asyncio.get_running_loop()
    room.leases[attempt.payment_id] = attempt.number
    recorded = False
    try:
        paid: Paid | None = None
        if attempt.upfront:
            held = await settle_first(room, attempt.payment_id, attempt.number)
            if not is_to_be_done(held, attempt.number):
                return held
            paid = paid_of(held)
            if passage is not None:
                passage.settlement = paid.settlement()
        started = loop.time()
        outcome = await _ask(room, sold, attempt, request, passage)
        terms = Terms(sold.terms.require_body, sold.terms.required_keys)
        verdict = judge(outcome, terms)
        if verdict.upstream_at_fault:
            room.breaker.failed(sold.path, loop.time(), str(verdict.reason))
        else:
            room.breaker.succeeded(sold.path)
        elapsed_ms = int((loop.time() - started) * 1000)
        passed = passage.passed_bytes if passage else 0
        recorded = await _record(room, attempt, outcome, verdict, elapsed_ms, passed)
        return Ended(verdict, outcome, recorded, paid)
    finally:
        room.leases.pop(attempt.payment_id, None)
        if passage is not None:
            passage.end(whole=recorded)


async def _ask(
    room: Room, sold: Shelved, attempt: Attempt, request: CallRequest, passage: Passage | None
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
        signing_key=wiring.upstream_signing_key(str(sold.draft_of or sold.listing_id)),
        passage=passage,
    )


async def _record(
    room: Room,
    attempt: Attempt,
    outcome: Outcome,
    verdict: Verdict,
    elapsed_ms: int,
    passed_bytes: int,
) -> bool:
    if not verdict.billable or not isinstance(outcome, Answered):
        await _void(room, attempt, outcome, verdict, passed_bytes)
        return False
    return await _store(
        room,
        NewAnswer(
            payment_id=attempt.payment_id,
            attempt=attempt.number,
            status=outcome.status,
            headers=outcome.headers,
            content_type=outcome.content_type,
            body=outcome.body,
            upstream_ms=elapsed_ms,
        ),
    )


async def _store(room: Room, answer: NewAnswer) -> bool:
    """Keep work that was done, through a short outage of the database."""
    for _ in range(STORE_TRIES):
        with contextlib.suppress(psycopg.OperationalError):
            if await room.answers.submit(answer):
                return True
            # A connection lost in the commit left it unknown: the row says what became of it.
            held = await lookup.by_id(room.pool, answer.payment_id)
            return (
                held is not None and held.work == Work.ANSWERED and held.attempt == answer.attempt
            )
        await asyncio.sleep(STORE_PAUSE_SECONDS)
    return await room.answers.submit(answer)


async def _void(
    room: Room, attempt: Attempt, outcome: Outcome, verdict: Verdict, passed_bytes: int
) -> None:
    definite = isinstance(outcome, Answered) or not outcome.may_have_acted
    detail: dict[str, object] = {"reason": str(verdict.reason)}
    if isinstance(outcome, Answered):
        detail["status"] = outcome.status
    why = "not billable"
    if passed_bytes:  # of a stream
        detail["passed_bytes"] = passed_bytes
        why = f"not billable: {verdict.reason} after {passed_bytes} bytes were passed on"
    for _ in range(VOID_TRIES):  # the chain may move the money between the look and the move
        held = await lookup.by_id(room.pool, attempt.payment_id)
        if held is None or held.work != Work.OPEN or held.attempt != attempt.number:
            return
        if held.money == Money.BROADCAST:  # upfront, and a reorg took it back: it is sent again
            return
        if await attempts.void(room.pool, held.standing, why=why, detail=detail, definite=definite):
            return


def _in_hand(outcome: Outcome) -> StoredAnswer:
    """The answer as it came: what was stored, without reading it back."""
    assert isinstance(outcome, Answered)
    body = outcome.body
    return StoredAnswer(outcome.status, outcome.headers, outcome.content_type, body, b"", len(body))


def _not_charged(attempt: Attempt, ended: Ended) -> NotCharged | PaidUnanswered:
    answer: StoredAnswer | None = None
    if ended.verdict.passes_answer_on and isinstance(ended.outcome, Answered):
        answer = _in_hand(ended.outcome)
    reason = str(ended.verdict.reason)
    if ended.paid is not None:
        told = ended.paid.settlement()
        return PaidUnanswered(ended.verdict.status, reason, attempt.payment_id, told, answer)
    return NotCharged(ended.verdict.status, reason, attempt.payment_id, answer)
