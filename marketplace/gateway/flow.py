"""An answer on the wire: piece by piece, at the pace of its buyer, within bounds.

The server takes a piece when it has sent the one before. Given all of a large answer at once, it
would say that it is sent while most of it lies in memory, and its buyer has hung up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from asgiref.typing import ASGISendCallable, HTTPResponseBodyEvent

from marketplace.calls.http import Response, send_in_time
from marketplace.calls.inbox import Inbox
from marketplace.calls.outcomes import Streamed
from marketplace.calls.passage import Cut
from payments.serving.leaving import NEWS_SECONDS, PIECE_BYTES


async def send_in_pieces(response: Response, inbox: Inbox, send: ASGISendCallable) -> bool:
    """Send a large answer; tell whether all of it has left. One that stalls is broken off."""
    try:
        await send(response.start)
        for start in range(0, len(response.body), PIECE_BYTES):
            if inbox.gone.is_set():
                return False
            await send_in_time(send, _piece(response.body[start : start + PIECE_BYTES]))
            await asyncio.sleep(NEWS_SECONDS)
        connected = not inbox.gone.is_set()
        await send_in_time(send, _END)
    except (OSError, TimeoutError):  # OSError: gone (ASGI 2.4)
        return False
    return connected


def _piece(body: bytes) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": True}


_END: Final[HTTPResponseBodyEvent] = {"type": "http.response.body", "body": b"", "more_body": False}


@dataclass(frozen=True, slots=True)
class Flow:
    """An answer under way to one buyer; it keeps its place at the door until it ends."""

    outcome: Streamed
    inbox: Inbox
    leave: Callable[[], None]

    async def send(self, head: Response, send: ASGISendCallable) -> None:
        """Pass everything on. A cut answer is left without its end, so that nobody takes it
        for a whole one: the server breaks the connection off."""
        reached = False
        try:
            await send(head.start)
            with contextlib.suppress(Cut, OSError, TimeoutError):  # OSError: gone (ASGI 2.4)
                reached = await self._pass_on(send)
        finally:
            self.inbox.close()
            self.leave()
            await self.outcome.handed_over(reached)

    async def _pass_on(self, send: ASGISendCallable) -> bool:
        async for piece in self.outcome.pieces:
            if self.inbox.gone.is_set():
                return False
            await send_in_time(send, _piece(piece))
        connected = not self.inbox.gone.is_set()
        await send_in_time(send, _END)
        return connected
