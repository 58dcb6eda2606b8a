"""Where an answer went, written down; a database that is away hears it later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from uuid import UUID

from marketplace.calls.room import Room
from payments.acceptance import collecting
from payments.database.outage import through_an_outage
from payments.database.pool import AWAY

NOTE_TRIES: Final = 60
NOTE_PAUSE_SECONDS: Final = 1.0


async def note_hand_over(
    room: Room, payment_id: UUID, *, reached: bool, then: Callable[[], None] = lambda: None
) -> None:
    """Whether an answer arrived; where the database is away just now, it hears that later.

    Unknown, it would answer its buyer's next purchase of the same, which is to be a new one.
    """
    note: Callable[[], Awaitable[object]] = (
        partial(room.collected.submit, payment_id)
        if reached
        else partial(collecting.abandon, room.pool, payment_id)
    )
    is_away = False
    try:
        await note()
    except AWAY:
        is_away = True
        room.start(in_the_end(note, then))
    finally:
        if not is_away:
            then()


async def in_the_end(
    note: Callable[[], Awaitable[object]], then: Callable[[], None] = lambda: None
) -> None:
    """Written down as soon as the database is there again; buyers wait for it no longer."""
    try:
        await through_an_outage(note, tries=NOTE_TRIES, pause_seconds=NOTE_PAUSE_SECONDS)
    finally:
        then()
