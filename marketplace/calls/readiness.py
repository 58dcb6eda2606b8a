"""Whether a listing may be quoted right now: never sell what cannot be delivered or settled."""

from __future__ import annotations

import asyncio
from typing import Final

from marketplace.calls.room import Room
from marketplace.calls.shelf import Shelved

SETTLEMENT_RETRY_SECONDS: Final = 5.0


def wait_seconds(room: Room, shelved: Shelved) -> float:
    """Say how long this listing is not for sale; 0 means it may be quoted."""
    for offer in () if room.is_blind else shelved.offers:
        health = room.health.get(offer.requirements.network)
        if health is not None and not health.refusing_why:
            if shelved.path not in room.breaker:
                return 0.0
            return room.breaker.wait_seconds(shelved.path, asyncio.get_running_loop().time())
    return SETTLEMENT_RETRY_SECONDS
