"""An answer as one event: for clients that take nothing else, and where it is long in coming.

While a call waits for its seller or its money, a comment every few seconds tells everything on
the way to the agent that somebody still works.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from asgiref.typing import ASGISendCallable

from marketplace.catalog.mcp import browsers
from marketplace.catalog.mcp.arrival import EVENTS, GUARDED
from sellers.texts import on_one_line

QUIET_SECONDS: Final = 5.0  # so long a client waits for a document before events begin
COMMENT_SECONDS: Final = 5.0
_HEADERS: Final = (EVENTS, *GUARDED, (b"x-accel-buffering", b"no"))


async def is_soon_done(work: asyncio.Task[Any], seconds: float) -> bool:
    """Wait a while; the work itself goes on."""
    await asyncio.wait({work}, timeout=seconds)
    return work.done()


async def begin(send: ASGISendCallable) -> None:
    """Open the stream: from here on nothing but events can be said."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": (*_HEADERS, *browsers.readable()),
            "trailers": False,
        }
    )


async def keep_alive(work: asyncio.Task[Any], send: ASGISendCallable) -> None:
    """Send a comment now and then until the work is done."""
    while not await is_soon_done(work, COMMENT_SECONDS):
        await send({"type": "http.response.body", "body": b": working\n\n", "more_body": True})


async def end(body: bytes, send: ASGISendCallable) -> None:
    """The message, on one line for every reader there is."""
    event = b"event: message\ndata: " + on_one_line(body.decode()).encode() + b"\n\n"
    await send({"type": "http.response.body", "body": event, "more_body": False})
