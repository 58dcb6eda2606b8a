"""A wallet whose payments under way need all it holds: one more would be worked for in vain."""

from __future__ import annotations

from typing import Final, Literal

from marketplace.calls.outcomes import Unavailable
from marketplace.calls.room import Room
from payments.exposure.exposure import payer_key
from payments.limits import owners
from payments.x402.types import Requirements

SOON_SECONDS: Final = 2
SPOKEN_FOR: Final = (
    "The wallet's payments under way need all that it holds; nothing was charged. Send the same"
    " payment again once they are through, or put more into the wallet."
)


async def spoken_for(
    room: Room, wanted: Requirements, payer: str, purse: int
) -> Unavailable | Literal["more by now"] | None:
    """Whether it was the purse that had no room for one more; what it holds is looked at anew."""
    key = payer_key(wanted.network, wanted.asset, payer)
    needed = (await owners.used_of(room.pool, [key])).get(key, 0) + wanted.amount_atomic
    if needed <= purse:
        return None
    if needed <= await room.purses.look(wanted.network, wanted.asset, payer):
        return "more by now"
    return Unavailable("wallet_spoken_for", SPOKEN_FOR, SOON_SECONDS)
