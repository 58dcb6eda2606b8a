"""The buyers: keep-alive connections that send what was prepared, as cheaply as Python can.

Each connection sends its next request when the last answer is complete (a closed loop), or all
of them send by the clock (an open one). Nothing is parsed beyond where an answer ends.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

CONNECT_SECONDS = 10.0
WORDS_KEPT = 3  # answers that were no success, kept to be shown


@dataclass(frozen=True, slots=True)
class Target:
    """Where the requests go."""

    port: int
    path: str

    def head(self) -> bytes:
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Accept: application/json\r\n"
        ).encode()


@dataclass(slots=True)
class Answered:
    """One call that got its answer: which, when it was sent, when the first byte came."""

    index: int
    sent: float
    first_byte: float


@dataclass(slots=True)
class Outcome:
    """What a load came to."""

    answered: list[Answered] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    ran_dry: bool = False


class Buyer(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._index = -1
        self._sent = 0.0
        self._first_byte = 0.0
        self._buffer = b""
        self._awaiting = False
        self.closed = asyncio.get_running_loop().create_future()

    @property
    def is_idle(self) -> bool:
        return not self._awaiting and not self.closed.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
        if self._awaiting:
            self._awaiting = False
            self._load.broken(f"a connection was closed before its answer: {exc}")

    def send_next(self) -> None:
        """Send the next prepared request, or stay idle when there is none."""
        assert self._transport is not None
        number = self._load.take()
        if number is None:
            return
        self._index = number
        self._awaiting = True
        self._first_byte = 0.0
        self._sent = time.monotonic()
        self._transport.write(self._load.requests[number])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if not self._first_byte:
            self._first_byte = time.monotonic()
        self._buffer = self._buffer + data if self._buffer else data
        if not is_complete(self._buffer):
            return
        answer, self._buffer = self._buffer, b""
        self._awaiting = False
        self._load.answer(self._index, self._sent, self._first_byte, answer)
        if self._load.is_closed_loop:
            self.send_next()


def is_complete(answer: bytes) -> bool:
    """Whether an HTTP answer is here to its end."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = answer[: end + 2].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(head[at + 17 : head.index(b"\r\n", at + 2)])
        return len(answer) >= end + 4 + length
    if b"\r\ntransfer-encoding: chunked\r\n" in head:
        return answer.endswith(b"0\r\n\r\n")
    return head[9:12] == b"204"


class Load:
    """Prepared requests, and the connections that send them."""

    def __init__(self, target: Target, headers: Sequence[bytes], connections: int) -> None:
        """Send one request for each of these payment headers, in their order."""
        head = target.head()
        self.requests = [head + b"PAYMENT-SIGNATURE: " + h + b"\r\n\r\n" for h in headers]
        self.outcome = Outcome()
        self.is_closed_loop = True
        self._port = target.port
        self._connections = connections
        self._next: Iterator[int] = iter(range(len(self.requests)))
        self._buyers: list[Buyer] = []
        self._running = False

    def take(self) -> int | None:
        if not self._running:
            return None
        number = next(self._next, None)
        if number is None:
            self._running = False
            self.outcome.ran_dry = True
        return number

    def answer(self, index: int, sent: float, first_byte: float, answer: bytes) -> None:
        if answer[9:12] == b"200":
            self.outcome.answered.append(Answered(index, sent, first_byte))
            return
        self.outcome.refused[int(answer[9:12])] += 1
        self._remember(answer.decode("latin-1"))

    def broken(self, words: str) -> None:
        self.outcome.refused[0] += 1
        self._remember(words)

    def _remember(self, words: str) -> None:
        if len(self.outcome.words) < WORDS_KEPT:
            self.outcome.words.append(words[:1500])

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            for _ in range(self._connections):
                _, buyer = await loop.create_connection(
                    lambda: Buyer(self), "127.0.0.1", self._port
                )
                self._buyers.append(buyer)

    def start(self) -> None:
        """Every connection sends its first request."""
        self._running = True
        for buyer in self._buyers:
            buyer.send_next()

    async def send_evenly(self, per_second: float, seconds: float) -> None:
        """Send by the clock, whatever has been answered, over connections that are free."""
        self.is_closed_loop = False
        self._running = True
        begun = time.monotonic()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, begun + number / per_second - time.monotonic()))
            buyer = next((each for each in self._buyers if each.is_idle), None)
            if buyer is None:
                self.outcome.ran_dry = True
                return
            buyer.send_next()

    async def finish(self, seconds: float) -> None:
        """Send nothing new; wait for what is under way, and close."""
        self._running = False
        deadline = time.monotonic() + seconds
        while any(not b.is_idle and not b.closed.done() for b in self._buyers):
            if time.monotonic() > deadline:
                self.broken(f"answers were still missing after {seconds:.0f} s")
                break
            await asyncio.sleep(0.02)
        for buyer in self._buyers:
            buyer.close()
        await asyncio.gather(*(asyncio.wait_for(b.closed, 5) for b in self._buyers))
