"""Somebody at the door: one request to an ASGI app, byte for byte as it would arrive."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]
RawHeaders = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the visitor got."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __getitem__(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} was said twice"
        return values[0] if values else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def quote(self) -> dict[str, Any]:
        header = self["payment-required"]
        assert header is not None
        decoded: dict[str, Any] = json.loads(b64decode(header))
        return decoded


def scope_of(method: str, target: str | bytes, headers: RawHeaders) -> dict[str, Any]:
    raw = target.encode() if isinstance(target, str) else target
    path, _, query = raw.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


@dataclass(slots=True)
class Line:
    """The connection: what comes in, what went out, and whether the visitor hung up."""

    pieces: list[bytes]
    hangs_up: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[Message] = field(default_factory=list)

    async def receive(self) -> Message:
        if self.pieces:
            piece = self.pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def seen(self) -> Seen:
        start, *bodies = self.sent
        headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in start["headers"])
        return Seen(start["status"], headers, b"".join(m["body"] for m in bodies))


async def visit(
    app: App,
    method: str,
    target: str | bytes,
    headers: Mapping[str, str] | RawHeaders = (),
    body: bytes = b"",
) -> Seen:
    """Ask once and take the whole answer."""
    named = headers.items() if isinstance(headers, Mapping) else ()
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in named]
    if not isinstance(headers, Mapping):
        raw.extend(headers)
    if body:
        raw.append((b"content-length", str(len(body)).encode()))
    line = Line([body])
    await app(scope_of(method, target, raw), line.receive, line.send)
    return line.seen()
