"""One outbound call and its whole answer, within limits of bytes and time."""

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from payments.egress.rule import EgressRefused, refuse_userinfo

# aiohttp warns about larger bodies handed over as bytes; from a file they go in pieces.
_BODY_IN_ONE_PIECE_MAX: Final = 1 << 20
_DETAIL_CHARACTERS_MAX: Final = 200


class FailureKind(StrEnum):
    """What kept a call from bringing a whole answer."""

    REFUSED_BY_EGRESS = "refused_by_egress"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT_FIRST_BYTE = "timeout_first_byte"
    TIMEOUT_TOTAL = "timeout_total"
    CUT = "cut"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"


_NEVER_ASKED = frozenset({FailureKind.REFUSED_BY_EGRESS, FailureKind.CONNECT, FailureKind.TLS})


@dataclass(frozen=True, slots=True)
class Failed:
    """The call brought no whole answer. `detail` is for the seller and for logs."""

    kind: FailureKind
    detail: str

    @property
    def may_have_acted(self) -> bool:
        """Say whether the other side may have done the work: false only if it was never asked."""
        return self.kind not in _NEVER_ASKED


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take and how much it may bring. All times count from its start."""

    connect_seconds: float
    first_byte_seconds: float
    total_seconds: float
    body_bytes_max: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer of any status.

    `framed` is false when the other side gave neither a length nor chunks and ended the
    body by closing: then a cut answer looks just like a whole one.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    framed: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of an answer, before any of its body."""

    status: int
    headers: CIMultiDictProxy[str]
    framed: bool


Reader = Callable[[bytes], None]


class _TooLarge(Exception):
    """The answer went over its limit."""


async def exchange(
    client: aiohttp.ClientSession,
    method: str,
    url: URL,
    *,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    limits: Limits,
    reader_for: Callable[[Head], Reader | None] | None = None,
) -> Reply | Failed:
    """Make one call and read its whole answer; follow no redirect, send nothing twice.

    `reader_for` is shown the head, and the reader it names is shown each piece as it comes.
    """
    answered = False
    try:
        refuse_userinfo(url)  # aiohttp would make it a header before the client's guard looks
        async with asyncio.timeout(limits.first_byte_seconds) as deadline:
            started = asyncio.get_running_loop().time()
            async with client.request(
                method,
                url,
                headers=headers,
                data=_payload(body),
                allow_redirects=False,
                timeout=_connect_timeout(limits),
            ) as response:
                answered = True
                deadline.reschedule(started + limits.total_seconds)
                head = Head(response.status, response.headers, _framed(response))
                reader = reader_for(head) if reader_for else None
                whole = await _read(response, limits.body_bytes_max, reader)
                return Reply(head.status, head.headers, whole, head.framed)
    except EgressRefused as refused:
        return Failed(FailureKind.REFUSED_BY_EGRESS, refused.reason)
    except _TooLarge:
        return Failed(FailureKind.TOO_LARGE, f"more than {limits.body_bytes_max} bytes")
    except (aiohttp.ClientError, TimeoutError) as failure:
        return Failed(_kind(failure, answered), _words(failure))


def _kind(failure: Exception, answered: bool) -> FailureKind:
    match failure:
        case aiohttp.ConnectionTimeoutError():
            return FailureKind.CONNECT
        case TimeoutError():
            return FailureKind.TIMEOUT_TOTAL if answered else FailureKind.TIMEOUT_FIRST_BYTE
        case aiohttp.ClientSSLError():
            return FailureKind.TLS
        case aiohttp.ClientConnectorError():
            return FailureKind.CONNECT
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL():
            return FailureKind.PROTOCOL
        case _:
            return FailureKind.CUT


def _words(failure: Exception) -> str:
    match failure:
        case aiohttp.ConnectionTimeoutError() | aiohttp.InvalidURL():
            words = ""  # these spell out the whole URL, and with it what a buyer asked
        case aiohttp.ClientResponseError():
            words = failure.message
        case _:
            words = str(failure)
    return (words or type(failure).__name__)[:_DETAIL_CHARACTERS_MAX]


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    if len(body) > _BODY_IN_ONE_PIECE_MAX:
        return io.BytesIO(body)
    return body or None


def _connect_timeout(limits: Limits) -> aiohttp.ClientTimeout:
    # No rounding up to whole seconds: else the first byte's deadline could pass first and
    # a call that was never connected would count as one that may have been acted on.
    connect = min(limits.connect_seconds, limits.first_byte_seconds)
    return aiohttp.ClientTimeout(connect=connect, ceil_threshold=limits.total_seconds + 1)


async def _read(
    response: aiohttp.ClientResponse, body_bytes_max: int, reader: Reader | None
) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > body_bytes_max:
            raise _TooLarge
        pieces.append(piece)
        if reader is not None:
            reader(piece)
    return b"".join(pieces)


def _framed(response: aiohttp.ClientResponse) -> bool:
    headers = response.headers
    return (
        "Content-Length" in headers
        or "Transfer-Encoding" in headers
        or response.status in (204, 304)
        or response.method == "HEAD"
    )
