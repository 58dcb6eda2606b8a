"""A streamed answer for who cannot read it as it comes: all of it, or what became of the money."""

from __future__ import annotations

import asyncio

from marketplace.calls.outcomes import (
    CallOutcome,
    Delivered,
    PaidUnanswered,
    Streamed,
    Told,
)
from marketplace.calls.passage import Cut
from marketplace.calls.release import gone_away
from payments.lookup import StoredAnswer

CUT_STATUS = 502


async def whole(outcome: CallOutcome, gone: asyncio.Event) -> Told:
    """Wait for the end of a stream; whatever else a call ended in is whole already."""
    if not isinstance(outcome, Streamed):
        return outcome
    pieces: list[bytes] = []
    try:
        async for piece in outcome.pieces:
            pieces.append(piece)
            if gone.is_set():
                await outcome.handed_over(False)
                return gone_away(outcome.payment_id)
    except Cut:
        return await _cut(outcome)
    body = b"".join(pieces)
    answer = StoredAnswer(
        outcome.status, outcome.headers, outcome.content_type, body, b"", len(body)
    )
    return Delivered(
        answer, outcome.settlement, outcome.payment_id, outcome.handed_over, outcome.joined
    )


async def _cut(outcome: Streamed) -> PaidUnanswered:
    await outcome.handed_over(False)
    return PaidUnanswered(CUT_STATUS, "cut", outcome.payment_id, outcome.settlement)
