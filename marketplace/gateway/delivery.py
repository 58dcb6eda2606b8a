"""What leaves the door after a paid call, in one piece or many, and who hears if it arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from asgiref.typing import ASGISendCallable

from marketplace.calls.http import Response, send_response
from marketplace.calls.inbox import Inbox
from marketplace.calls.outcomes import CallOutcome
from marketplace.gateway.flow import Flow, send_in_pieces


@dataclass(slots=True)
class Delivery:
    """What to send after a paid call, whether the buyer still listens, and who wants to know if
    it arrived."""

    response: Response
    connected: bool = True
    told: Callable[[bool], Awaitable[None]] | None = None
    flow: Flow | None = None
    inbox: Inbox | None = None  # of a large answer: who hangs up before its end has not got it
    kept: CallOutcome | None = None  # until all of it is sent: its body counts as in hand


async def deliver(delivery: Delivery, method: str, send: ASGISendCallable) -> None:
    """Send it, and say whether the buyer has it."""
    if delivery.flow is not None:
        await delivery.flow.send(delivery.response, send)
        return
    sent = False
    try:
        if delivery.inbox is None:
            sent = await send_response(delivery.response, method, send)
        else:
            sent = await send_in_pieces(delivery.response, delivery.inbox, send)
    finally:
        if delivery.inbox is not None:
            delivery.inbox.close()
        if delivery.told is not None:
            await delivery.told(sent and delivery.connected)
