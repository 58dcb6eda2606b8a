"""What still comes from a buyer whose request has begun, whichever transport brought it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asgiref.typing import ASGIReceiveCallable

from marketplace.calls.in_flight import Arrivals, Seat
from marketplace.calls.requests import BodyIncomplete, BodyTooLarge, Gone


class Inbox:
    """What still comes from the buyer: the body, and after it only the news that they hung up.

    One place calls `receive`, because two that wait for it would steal each other's messages.
    """

    def __init__(
        self,
        receive: ASGIReceiveCallable,
        *,
        declared: bytes,
        bytes_max: int,
        seconds: float,
        arrivals: Arrivals,
        seat: Seat | None,
        empty: bool = False,
    ) -> None:
        self._receive = receive
        self._declared = declared  # the Content-Length, as sent
        self._bytes_max = bytes_max
        self._seconds = seconds
        self._arrivals = arrivals
        self._seat = seat  # the call's, to be taken once its body is here
        self._body: bytes | None = b"" if empty else None  # empty: none can come
        self._watch: asyncio.Task[None] | None = None
        self.gone = Gone()

    async def read(self) -> bytes:
        """Return the whole body; from then on notice when the buyer hangs up."""
        if self._body is None:
            # Only spares reading what would be too long; the bytes that arrive are counted.
            if self._declared.isdigit() and int(self._declared[:20]) > self._bytes_max:
                raise BodyTooLarge
            try:
                async with self._arrivals.one(self._seconds) as grew:
                    self._body = await self._collect(grew)
            except TimeoutError:
                raise BodyIncomplete from None
            if self._seat is not None:
                self._seat.take()
        if self._watch is None:
            self._watch = asyncio.create_task(self._notice_hanging_up())
        return self._body

    def close(self) -> bool:
        """Stop listening; tell whether the buyer was still there.

        To be called before the answer is sent: once it is out, servers report every buyer as
        disconnected.
        """
        if self._watch is not None:
            self._watch.cancel()
        return not self.gone.is_set()

    async def _collect(self, grew: Callable[[int], None]) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                # Also how a body that ends early or breaks its framing is reported.
                self.gone.set()
                raise BodyIncomplete
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._bytes_max:
                raise BodyTooLarge
            grew(len(piece))
            pieces.append(piece)
            if not message.get("more_body", False):
                return b"".join(pieces)

    async def _notice_hanging_up(self) -> None:
        while (await self._receive())["type"] == "http.request":
            continue  # the end of a body, which may be all there is of it
        self.gone.set()
