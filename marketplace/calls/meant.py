"""Which terms a paid call was made for, where the call itself does not say how it is made.

Over HTTP a buyer writes method and path again. A tool call names only the listing and its input,
so that what was bought must be read from the payment: the listing may have changed since.
"""

from __future__ import annotations

from marketplace.calls.paid_call import choose
from marketplace.calls.room import Room
from marketplace.calls.shelf import Absent, Place
from payments.database.pool import one
from payments.lookup import Held
from payments.presented import Presented
from payments.x402.reasons import PaymentRefused
from payments.x402.types import PaymentPayload
from sellers.terms import Terms


async def terms_meant(room: Room, place: Place, payload: PaymentPayload) -> Terms | None:
    """The terms that this payment bought or would buy; None where nothing is for sale."""
    presented = Presented.read(payload, room.terms)
    held = await room.known.submit(presented.identity)
    if held is not None and (bought := await _terms_of(room, held)) is not None:
        return bought
    if isinstance(place, Absent):
        return None
    try:
        return choose(place, payload)[0].terms
    except PaymentRefused:
        return place.terms  # the paid call says why


async def _terms_of(room: Room, held: Held) -> Terms | None:
    row = await one(
        room.pool,
        "select terms from sellers_revision where listing_id = %s and hash = %s",
        (held.listing_id, held.revision_hash),
    )
    return Terms.from_json(row[0]) if row else None
