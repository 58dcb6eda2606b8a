"""A streamed answer on the wire: piece by piece, at the pace of its buyer, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from asgiref.typing import ASGISendCallable, HTTPResponseBodyEvent
from django.conf import settings

from marketplace.calls.http import Response
from marketplace.calls.inbox import Inbox
from marketplace.calls.outcomes import Streamed
from marketplace.calls.passage import Cut


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
            await _in_time(send, {"type": "http.response.body", "body": piece, "more_body": True})
        connected = not self.inbox.gone.is_set()
        await _in_time(send, {"type": "http.response.body", "body": b"", "more_body": False})
        return connected


async def _in_time(send: ASGISendCallable, event: HTTPResponseBodyEvent) -> None:
    async with asyncio.timeout(settings.STREAM_STALL_SECONDS):
        await send(event)
