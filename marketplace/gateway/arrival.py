"""One request at the door: what was read of it, and what still comes from the buyer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from asgiref.typing import ASGIReceiveCallable, HTTPScope

from marketplace.calls.requests import BodyIncomplete, BodyTooLarge, CallRequest
from marketplace.gateway.dialects import Dialect
from marketplace.gateway.in_flight import Arrivals, Seat
from marketplace.gateway.incoming import PAYMENTS, Query, Route, without_ours


@dataclass(slots=True)
class Arrival:
    """One request, as far as it has been read."""

    route: Route
    headers: dict[bytes, bytes]  # those the door acts on
    query: Query | None  # None when it cannot be read
    dialect: Dialect
    scope: HTTPScope
    receive: ASGIReceiveCallable

    @property
    def pays(self) -> bool:
        return not PAYMENTS.isdisjoint(self.headers)

    @property
    def brings_body(self) -> bool:
        length = self.headers.get(b"content-length", b"0")
        return length != b"0" or b"transfer-encoding" in self.headers

    def text(self, header: bytes) -> str | None:
        value = self.headers.get(header)
        return None if value is None else value.decode("latin-1")

    def request(self, query: Query, inbox: Inbox) -> CallRequest:
        """Return the call on plain values."""
        return CallRequest(
            method=self.scope["method"],
            segments=self.route.segments,
            query=without_ours(query),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in self.scope["headers"]
            ),
            credential=self.text(self.dialect.credential),
            read_body=inbox.read,
            gone=inbox.gone,
            max_price=self.text(b"x-max-price"),
            fresh=self.text(b"x-souk-fresh") == "1",
            siwx=self.text(b"sign-in-with-x"),
            decode=self.dialect.decode,
        )


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
    ) -> None:
        self._receive = receive
        self._declared = declared  # the Content-Length, as sent
        self._bytes_max = bytes_max
        self._seconds = seconds
        self._arrivals = arrivals
        self._seat = seat  # the call's, if it has one and a body to wait for
        self._body: bytes | None = None
        self._watch: asyncio.Task[None] | None = None
        self.gone = asyncio.Event()

    async def read(self) -> bytes:
        """Return the whole body; from then on notice when the buyer hangs up."""
        if self._body is None:
            # Only spares reading what would be too long; the bytes that arrive are counted.
            if self._declared.isdigit() and int(self._declared[:20]) > self._bytes_max:
                raise BodyTooLarge
            if self._seat is not None:
                self._seat.give_back()
            try:
                async with self._arrivals.one(self._seconds):
                    self._body = await self._collect()
            except TimeoutError:
                raise BodyIncomplete from None
            if self._seat is not None:
                self._seat.take()
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

    async def _collect(self) -> bytes:
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
            pieces.append(piece)
            if not message.get("more_body", False):
                return b"".join(pieces)

    async def _notice_hanging_up(self) -> None:
        await self._receive()
        self.gone.set()
