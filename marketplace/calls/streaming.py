"""A streamed answer: handed to its buyer from the moment it begins."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from marketplace.calls.forwarding import passed_back
from marketplace.calls.noting import note_hand_over
from marketplace.calls.outcomes import Streamed
from marketplace.calls.passage import Passage
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room


async def begins(passage: Passage, work: asyncio.Task[Any], request: CallRequest) -> bool:
    """Whether the seller begins an answer that may be passed on, before all is over anyway."""
    watched = [asyncio.create_task(each.wait()) for each in (passage.begun, request.gone)]
    try:
        await asyncio.wait({work, *watched}, return_when=asyncio.FIRST_COMPLETED)
        return passage.begun.is_set() and not request.gone.is_set()
    finally:
        for each in watched:
            each.cancel()


def streamed(room: Room, payment_id: UUID, passage: Passage) -> Streamed:
    assert passage.head is not None
    assert passage.settlement is not None
    headers, content_type = passed_back(passage.head)

    async def handed_over(reached: bool) -> None:
        passage.leave()
        await note_hand_over(room, payment_id, reached=reached)

    return Streamed(
        status=passage.head.status,
        headers=headers,
        content_type=content_type,
        settlement=passage.settlement,
        payment_id=payment_id,
        pieces=passage.pieces(),
        handed_over=handed_over,
    )
