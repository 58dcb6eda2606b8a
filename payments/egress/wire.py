"""One request on a connection of the client's pool, and the head of its answer.

Below aiohttp's session on purpose: that makes an object each of the request, its writer, the
answer and their timers, which cost a paid call more than everything the door itself decides. The
connector stays (addresses judged, TLS, the pool and its bounds), and so does the parser: what is
sound HTTP, and what a cut answer is, are aiohttp's to say and no second opinion of ours.
"""

from __future__ import annotations

import re
import select
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader
from yarl import URL

USER_AGENT: Final = "Souk"
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # of no length where none is said
_BODY_BESIDE_HEAD_MAX: Final = 1 << 16  # a longer one is not copied to join its head
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SWITCHING_PROTOCOLS: Final = 101


class PermittingConnector(aiohttp.TCPConnector):
    """Connections to where calls are permitted; `destination` judges a URL's origin before."""

    destination: Callable[[URL], aiohttp.ClientRequest]
    kept: WeakSet[ResponseHandler]  # those that have been in the pool


class Wire:
    """One request and its answer: to be closed, whatever happens, unless the answer was read."""

    def __init__(self, connection: Connection, kept: WeakSet[ResponseHandler]) -> None:
        self._connection = connection
        self._kept = kept
        protocol = connection.protocol
        assert protocol is not None
        self._protocol: ResponseHandler = protocol

    def was_left(self) -> bool:
        """Whether the other side hung up while the connection was kept.

        A busy process learns of that late: what it wrote until then would be lost, and whether
        it was acted on unknown. Whoever was asked nothing has nothing to say but its farewell.
        """
        transport = self._protocol.transport
        if self._protocol not in self._kept or transport is None:
            return False
        unread = select.poll()
        unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(unread.poll(0))

    def send(self, method: str, head: bytes, body: bytes) -> None:
        """Write the request; nothing waits for the other side to take it."""
        self._protocol.set_response_params(
            skip_payload=method == "HEAD", read_until_eof=True, auto_decompress=False
        )
        transport = self._protocol.transport
        assert transport is not None
        if len(body) <= _BODY_BESIDE_HEAD_MAX:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def head(self) -> tuple[RawResponseMessage, StreamReader]:
        """The answer's head and its body to come; interim answers are passed over."""
        while True:
            message, payload = await self._protocol.read()
            if not 100 <= message.code < 200 or message.code == _SWITCHING_PROTOCOLS:
                return message, payload

    def close(self) -> None:
        """Nothing more is wanted: the connection ends, unless `release` gave it back.

        At once: who does not read would else be waited for, with all that is still to be sent.
        """
        if not self._connection.closed:
            self._protocol.abort()
        self._connection.close()

    def release(self) -> None:
        """Give the connection back for another call, if the request left it whole."""
        transport = self._protocol.transport
        if transport is None or transport.get_write_buffer_size():
            self.close()  # answered before all of the request was taken
        else:
            self._kept.add(self._protocol)
            self._connection.release()


async def connect(connector: PermittingConnector, url: URL, timeout: aiohttp.ClientTimeout) -> Wire:
    """A connection to where the URL leads, if that may be called: from the pool, or a new one."""
    while True:
        connection = await connector.connect(connector.destination(url), [], timeout)
        wire = Wire(connection, connector.kept)
        if not wire.was_left():
            return wire
        wire.close()


def request_head(
    method: str, url: URL, headers: Sequence[tuple[str, str]], body_bytes: int
) -> bytes:
    """Everything of a request before its body."""
    if _FORBIDDEN.search("".join(chain(*headers, (method,)))):
        raise ValueError("A header holds a control character: it could become another header.")
    named = {name.lower() for name, _ in headers}
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}"]
    if "user-agent" not in named:
        lines.append(f"User-Agent: {USER_AGENT}")
    lines += [f"{name}: {value}" for name, value in headers]
    if "accept" not in named:
        lines.append("Accept: */*")
    if body_bytes or method not in _BODILESS:
        lines.append(f"Content-Length: {body_bytes}")
    return "\r\n".join((*lines, "", "")).encode()
