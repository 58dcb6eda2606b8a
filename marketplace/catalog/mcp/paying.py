"""The paid call as an agent's tool: the very call of the door, brought by MCP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from marketplace.calls import paid_call
from marketplace.calls.ceiling import is_too_dear
from marketplace.calls.in_flight import NoPlace, Seat
from marketplace.calls.meant import terms_meant
from marketplace.calls.outcomes import (
    TOO_MANY,
    CallOutcome,
    Challenged,
    Delivered,
    Refused,
    Told,
)
from marketplace.calls.readiness import wait_seconds
from marketplace.calls.room import Room
from marketplace.calls.shares import Shares
from marketplace.calls.shelf import Absent, Place
from marketplace.calls.unsold import absent, undeliverable
from marketplace.calls.whole import whole
from marketplace.catalog.mcp.orders import Misfit, Order, read_payment, request_of
from marketplace.catalog.mcp.outcomes import is_in_full, result_of, sample_of
from marketplace.catalog.mcp.results import Document
from payments.x402.reasons import Reason


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool says, and who wants to know whether it reached the agent."""

    result: Document
    told: Callable[[bool], Awaitable[None]] | None = None


async def sell(room: Room, places: Shares, order: Order) -> ToolAnswer:
    """Quote, hand out the sample, or serve a call that carries a payment."""
    place: Place | None = room.shelf.peek(order.path)
    if place is None:
        place = await room.shelf.get(order.path)
    if order.demo and not isinstance(place, Absent):
        return ToolAnswer(sample_of(place))
    if order.payment is None:
        return ToolAnswer(result_of(unpaid(room, place, order.max_price), place))
    seat = Seat(places, order.path)
    try:
        seat.take()
        outcome = await _paid(room, place, order)
    except NoPlace:
        outcome = TOO_MANY
    finally:
        seat.give_back()
    result = result_of(outcome, place)
    if not isinstance(outcome, Delivered):
        return ToolAnswer(result)
    return ToolAnswer(result, outcome.handed_over if is_in_full(outcome) else _kept(outcome))


def _kept(delivered: Delivered) -> Callable[[bool], Awaitable[None]]:
    """Only where the answer lies was said: its buyer is still to collect it."""

    async def told(_: bool) -> None:
        await delivered.handed_over(False)

    return told


def unpaid(room: Room, place: Place, max_price: str | None) -> Told:
    """The price, or why there is none now."""
    if isinstance(place, Absent):
        return absent(place)
    if seconds := wait_seconds(room, place):
        return undeliverable(seconds)
    if is_too_dear(place.offers, max_price):
        return Challenged(Reason.PRICE_ABOVE_MAX)
    room.tally.quoted(place.listing_id)
    return Challenged(Reason.PAYMENT_REQUIRED)


async def _paid(room: Room, place: Place, order: Order) -> Told:
    called = paid_call.counted(room, lambda: order.origin, _called(room, place, order))
    outcome = await paid_call.said(called)
    return await whole(outcome, order.gone)


async def _called(room: Room, place: Place, order: Order) -> CallOutcome:
    assert order.payment is not None
    terms = await terms_meant(room, place, read_payment(order.payment))
    if terms is None:
        return unpaid(room, place, None)
    try:
        request = request_of(order, terms)
    except Misfit as misfit:
        return Refused(400, "input_refused", f"{misfit}. Nothing was charged.")
    return await paid_call.call(room, place, order.path, request)
