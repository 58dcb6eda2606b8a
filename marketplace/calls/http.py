"""An HTTP answer, as the plain ASGI apps beside Django send it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

from asgiref.typing import (
    ASGISendCallable,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
)
from django.conf import settings

Header: TypeAlias = tuple[bytes, bytes]
Headers: TypeAlias = tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer in the server's own terms, and as the two events that say it."""

    status: int
    headers: Headers
    body: bytes
    start: HTTPResponseStartEvent = field(init=False, repr=False, compare=False)
    end: HTTPResponseBodyEvent = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Here, because most answers are made once and sent a thousand times.
        start: HTTPResponseStartEvent = {
            "type": "http.response.start",
            "status": self.status,
            "headers": self.headers,
            "trailers": False,
        }
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", _end(self.body))


def _end(body: bytes) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": False}


def with_length(headers: Headers, body: bytes) -> Headers:
    return (*headers, (b"content-length", str(len(body)).encode()))


def retry_after(seconds: float) -> Header:
    return (b"retry-after", str(max(1, round(seconds))).encode())


async def send_in_time(send: ASGISendCallable, event: HTTPResponseBodyEvent) -> None:
    """Raises TimeoutError where whoever reads it takes nothing for long."""
    async with asyncio.timeout(settings.STREAM_STALL_SECONDS):
        await send(event)
    await asyncio.sleep(0)  # a server takes all for who is gone: the news comes between two


async def send_response(response: Response, method: str, send: ASGISendCallable) -> bool:
    """Send an answer; False when the buyer was seen to be gone."""
    try:
        await send(response.start)
        await send(_end(b"") if method == "HEAD" else response.end)
    except OSError:  # how servers may say so (ASGI 2.4)
        return False
    return True
