"""A body on its way to whoever asked: piece by piece, and noted once all of it has left.

Whoever stops reading loses it: bodies that nobody takes would fill the memory of everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from django.http import StreamingHttpResponse

PIECE_BYTES: Final = 65_536
# A server takes all at once for whoever is gone, and says so from another thread a little later.
NEWS_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True)
class LeavingTerms:
    """How much may be on its way from one process, and how long a piece of it may stand."""

    bytes_max: int
    stall_seconds: float


class Leaving:
    """One body on its way, which counts as held in memory until it has left or was let go.

    It counts before it is read. `arrived` is called when the network has taken all of it.
    """

    held_bytes = 0  # of all of them, in this process

    def __init__(
        self, size: int, arrived: Callable[[], Awaitable[Any]], terms: LeavingTerms
    ) -> None:
        self._body = b""
        self._size = size
        self._is_held = True
        self._arrived = arrived
        self._stall_seconds = terms.stall_seconds
        Leaving.held_bytes += self._size

    @classmethod
    def has_room_for(cls, size: int, terms: LeavingTerms) -> bool:
        """Whether so much more may be on its way."""
        return cls.held_bytes + size <= terms.bytes_max

    def response(self, body: bytes, *, status: int, content_type: str) -> StreamingHttpResponse:
        """A response of this body."""
        self._body = body
        response = StreamingHttpResponse(self._pieces(), status=status, content_type=content_type)
        response["Content-Length"] = str(self._size)
        response["X-Accel-Buffering"] = "no"  # nginx would take all of it in at once
        return response

    async def _pieces(self) -> AsyncIterator[bytes]:
        """The server takes a piece when it has sent the one before. When the other side has hung
        up it takes them all without a word, but Django hears of it between two, and ends this
        here."""
        try:
            for start in range(0, self._size, PIECE_BYTES):
                if not self._is_held:
                    return  # too late: the length that was promised shows that it is cut
                loop = asyncio.get_running_loop()
                stalled = loop.call_later(self._stall_seconds, self._let_go)
                try:
                    yield self._body[start : start + PIECE_BYTES]
                    await asyncio.sleep(NEWS_SECONDS)
                finally:
                    stalled.cancel()
            await self._arrived()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self._body = b""
        if self._is_held:
            self._is_held = False
            Leaving.held_bytes -= self._size

    def __del__(self) -> None:  # a response that was never begun
        self._let_go()
