"""One attempt at a bought call: forward it, judge the answer and record it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from marketplace.calls.asking import Attempt, ask, blame
from marketplace.calls.forwarding import Answered, Outcome
from marketplace.calls.judging import Terms, Verdict, judge
from marketplace.calls.keeping import Keeping
from marketplace.calls.noting import in_the_end
from marketplace.calls.outcomes import (
    BUSY_SECONDS,
    CallOutcome,
    Delivered,
    NotCharged,
    PaidUnanswered,
    Unavailable,
)
from marketplace.calls.passage import Passage
from marketplace.calls.release import (
    PENDING_RETRY_SECONDS,
    Paid,
    come_again,
    deliver,
    gone_away,
    paid_of,
    release,
    unless_gone,
)
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shelf import Shelved
from marketplace.calls.storing import Report, record
from marketplace.calls.streaming import begins, streamed
from marketplace.calls.upfront import is_to_be_done, settle_first, unsettled
from payments import lookup
from payments.acceptance import collecting
from payments.at_hand import payment_at_hand
from payments.lookup import Held, StoredAnswer

_TOO_MUCH = "Too much is under way here at once."


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
            room.start(in_the_end(partial(collecting.abandon, room.pool, attempt.payment_id)))


async def _run(room: Room, sold: Shelved, attempt: Attempt, request: CallRequest) -> CallOutcome:
    passage = _passage(room, attempt) if sold.terms.stream and attempt.upfront else None
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
    if ended.verdict.is_ours:
        return await _busy(room, attempt, ended.paid)
    if not ended.verdict.billable:
        return _not_charged(attempt, ended)
    if not ended.recorded:
        return Unavailable(
            "superseded",
            "This attempt took too long and another one took its place. Send it again.",
            PENDING_RETRY_SECONDS,
            payment_id=attempt.payment_id,
        )
    return await _released(room, attempt, request, _in_hand(ended.outcome))


def _passage(room: Room, attempt: Attempt) -> Passage:
    return Passage(Keeping(room.keeper, attempt.payment_id, attempt.number))


async def _released(
    room: Room, attempt: Attempt, request: CallRequest, answer: StoredAnswer
) -> CallOutcome:
    """Under a lease until the buyer has it: should we die now, the next payment joins this one."""
    lease = room.leases.take(attempt.payment_id, attempt.number)
    if attempt.on_trust is not None:
        return deliver(room, attempt.on_trust, answer, lease)
    outcome: CallOutcome | None = None
    try:
        outcome = await release(room, attempt.payment_id, request, answer, lease)
        return outcome
    finally:
        if not isinstance(outcome, Delivered):
            lease.end()


async def _work(
    room: Room,
    sold: Shelved,
    attempt: Attempt,
    request: CallRequest,
    passage: Passage | None = None,
) -> Ended | Held:
    """Upfront the money comes first; a payment that is not settled in time is given back."""
    loop = asyncio.get_running_loop()
    lease = room.leases.take(attempt.payment_id, attempt.number)
    outcome: Outcome | None = None
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
        outcome = await ask(room, sold, attempt, request, passage)
        terms = Terms(sold.terms.require_body, sold.terms.required_keys)
        verdict = judge(outcome, terms)
        if passage is not None and not verdict.billable:
            passage.break_off()
        if not verdict.upstream_at_fault and not verdict.is_ours:
            room.breaker.succeeded(sold.path)
        report = Report(
            attempt.payment_id,
            attempt.number,
            attempt.upfront,
            outcome,
            verdict,
            elapsed_ms=int((loop.time() - started) * 1000),
            passed_bytes=passage.passed_bytes if passage else 0,
        )
        recorded = await record(room, report)
        if verdict.upstream_at_fault:
            await blame(room, sold, attempt, str(verdict.reason))
        return Ended(verdict, outcome, recorded, paid)
    except BaseException:  # which keeps this frame, and what it has in hand, until it is collected
        if isinstance(outcome, Answered) and outcome.share is not None:
            outcome.share.give_back()
        raise
    finally:
        lease.end()
        attempt.place.give_back()
        if passage is not None:
            passage.end(whole=recorded)


def _in_hand(outcome: Outcome) -> StoredAnswer:
    """The answer as it came: what was stored, without reading it back."""
    assert isinstance(outcome, Answered)
    body = outcome.body
    return StoredAnswer(
        outcome.status,
        outcome.headers,
        outcome.content_type,
        body,
        b"",
        len(body),
        outcome.share,
    )


async def _busy(room: Room, attempt: Attempt, paid: Paid | None) -> Unavailable:
    if paid is not None:
        held = await lookup.by_id(room.pool, attempt.payment_id)
        assert held is not None
        return come_again(held, _TOO_MUCH)
    return Unavailable(
        "busy",
        f"{_TOO_MUCH} Nothing was charged: send the same payment again.",
        BUSY_SECONDS,
        payment_id=attempt.payment_id,
    )


def _not_charged(attempt: Attempt, ended: Ended) -> NotCharged | PaidUnanswered:
    answer: StoredAnswer | None = None
    if ended.verdict.passes_answer_on and isinstance(ended.outcome, Answered):
        answer = _in_hand(ended.outcome)
    reason = str(ended.verdict.reason)
    if ended.paid is not None:
        told = ended.paid.settlement()
        return PaidUnanswered(ended.verdict.status, reason, attempt.payment_id, told, answer)
    return NotCharged(ended.verdict.status, reason, attempt.payment_id, answer)
