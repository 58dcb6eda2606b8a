"""Whether a listing may be quoted right now: never sell what cannot be delivered or settled."""

from __future__ import annotations

import asyncio
from typing import Final

from marketplace.calls.outcomes import BUSY_SECONDS, Unavailable
from marketplace.calls.room import Room
from marketplace.calls.shares import Share
from marketplace.calls.shelf import Shelved

SETTLEMENT_RETRY_SECONDS: Final = 5.0
CROWDED: Final = "Too many calls of this seller are under way."
GAS_RETRY_SECONDS: Final = 3_600  # what was spent today is spent until midnight


def wait_seconds(room: Room, shelved: Shelved) -> float:
    """Say how long this listing is not for sale; 0 means it may be quoted."""
    if shelved in room.payable and room.unseen_since is None and shelved.path not in room.breaker:
        return 0.0  # hot: every quote asks
    seconds = _wait_seconds(room, shelved)
    if not seconds:
        room.payable.add(shelved)
    return seconds


def _wait_seconds(room: Room, shelved: Shelved) -> float:
    waits = set()
    for offer in () if room.is_blind else shelved.offers:
        network = offer.requirements.network
        if room.is_refused(network):
            waits.add(SETTLEMENT_RETRY_SECONDS)
        elif (network, shelved.seller_id) in room.out_of_gas:
            waits.add(float(GAS_RETRY_SECONDS))
        elif shelved.path not in room.breaker:
            return 0.0
        else:
            return room.breaker.wait_seconds(shelved.path, asyncio.get_running_loop().time())
    return min(waits, default=SETTLEMENT_RETRY_SECONDS)


def place_for(room: Room, sold: Shelved) -> Share | Unavailable:
    """A place among the listing's calls, taken before anything is claimed.

    The work holds it to its end, whether its buyer waits or not, and while its money is waited for.
    """
    place = Share(room.at_work, sold.path)
    if not room.places.is_crowded(sold.upstream.origin) and place.draw(1):
        return place
    return Unavailable("busy", f"{CROWDED} Nothing was charged.", BUSY_SECONDS)
