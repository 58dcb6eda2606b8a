"""What became of an attempt, written down: its answer, or why nothing is charged for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from marketplace.calls.forwarding import Answered, Outcome
from marketplace.calls.judging import Verdict
from marketplace.calls.room import Room
from payments import lookup
from payments.acceptance import attempts
from payments.acceptance.answering import NewAnswer
from payments.database.outage import through_an_outage
from payments.models import Money, Work

VOID_TRIES = 3
TRIES = 20
PAUSE_SECONDS = 0.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report:
    """How one attempt went at the seller's."""

    payment_id: UUID
    attempt: int
    upfront: bool
    outcome: Outcome
    verdict: Verdict
    elapsed_ms: int
    passed_bytes: int  # of a stream


async def record(room: Room, report: Report) -> bool:
    """Whether a billable answer is stored, as this attempt's."""
    outcome = report.outcome
    if report.verdict.billable and isinstance(outcome, Answered):
        answer = NewAnswer(
            payment_id=report.payment_id,
            attempt=report.attempt,
            status=outcome.status,
            headers=outcome.headers,
            content_type=outcome.content_type,
            body=outcome.body,
            upstream_ms=report.elapsed_ms,
        )
        return await _patiently(partial(_store, room, answer))
    if report.upfront and report.verdict.is_ours:  # it is paid, and the seller owes no refund
        drop = partial(attempts.drop, room.pool, report.payment_id, report.attempt)
        await _patiently(drop)
    else:
        await _patiently(partial(_void, room, report))
    return False


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    return await through_an_outage(step, tries=TRIES, pause_seconds=PAUSE_SECONDS)


async def _store(room: Room, answer: NewAnswer) -> bool:
    if await room.answers.submit(answer):
        return True
    # A connection lost in the commit left it unknown: the row says what became of it.
    held = await lookup.by_id(room.pool, answer.payment_id)
    return held is not None and held.work == Work.ANSWERED and held.attempt == answer.attempt


async def _void(room: Room, report: Report) -> None:
    outcome, reason, passed_bytes = report.outcome, report.verdict.reason, report.passed_bytes
    # What never arrived tells nothing of the attempt before it, which may still be at work.
    definite = isinstance(outcome, Answered)
    detail: dict[str, object] = {"reason": str(reason)}
    if isinstance(outcome, Answered):
        detail["status"] = outcome.status
    why = "not billable"
    if passed_bytes:
        detail["passed_bytes"] = passed_bytes
        why = f"not billable: {reason} after {passed_bytes} bytes were passed on"
    for _ in range(VOID_TRIES):  # the chain may move the money between the look and the move
        held = await lookup.by_id(room.pool, report.payment_id)
        if held is None or held.work != Work.OPEN or held.attempt != report.attempt:
            return
        if held.money == Money.BROADCAST:  # upfront, and a reorg took it back: it is sent again
            return
        if await attempts.void(room.pool, held.standing, why=why, detail=detail, definite=definite):
            return
