"""One outbound call and its whole answer, within limits of bytes and time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

import aiohttp
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy
from yarl import URL

from payments.egress.rule import EgressRefused, refuse_userinfo
from payments.egress.wire import PermittingConnector, connect, request_head

_LIMITS_KEPT_MAX: Final = 1_000
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
    NO_PLACE = "no_place"  # ours: too many calls are under way
    NO_ROOM = "no_room"  # ours: too many bytes are in hand


_NEVER_ASKED = frozenset(
    {FailureKind.REFUSED_BY_EGRESS, FailureKind.CONNECT, FailureKind.TLS, FailureKind.NO_PLACE}
)
_OURS = frozenset({FailureKind.NO_PLACE, FailureKind.NO_ROOM})


@dataclass(frozen=True, slots=True)
class Failed:
    """The call brought no whole answer. `detail` is for the seller and for logs."""

    kind: FailureKind
    detail: str

    @property
    def may_have_acted(self) -> bool:
        """Say whether the other side may have done the work: false only if it was never asked."""
        return self.kind not in _NEVER_ASKED

    @property
    def is_ours(self) -> bool:
        """Say whether it was for want of something here: it tells nothing of the other side."""
        return self.kind in _OURS


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


class _NoRoom(Exception):
    """There is no room for what has come."""


async def exchange(
    client: aiohttp.ClientSession,
    method: str,
    url: URL,
    *,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    limits: Limits,
    reader_for: Callable[[Head], Reader | None] | None = None,
    keep: Callable[[int], bool] | None = None,
) -> Reply | Failed:
    """Make one call and read its whole answer; follow no redirect, send nothing twice.

    `reader_for` is shown the head, and the reader it names is shown each piece as it comes. `keep`
    says whether so many bytes more may be kept; where they may not, the call ends.
    """
    deadline = asyncio.timeout(min(limits.first_byte_seconds, limits.total_seconds))
    stage = FailureKind.CONNECT  # as which a lack of time is told now
    try:
        refuse_userinfo(url)  # nobody asked for the header that it would become
        async with deadline:
            started = asyncio.get_running_loop().time()
            asked = request_head(method, url, headers, len(body))
            wire = await connect(_connector(client), url, _connect_timeout(limits))
            stage = FailureKind.TIMEOUT_FIRST_BYTE
            try:
                wire.send(method, asked, body)
                message, payload = await wire.head()
                stage = FailureKind.TIMEOUT_TOTAL
                head = Head(message.code, message.headers, _framed(method, message))
                reader = reader_for(head) if reader_for else None
                if not payload.is_eof():
                    deadline.reschedule(started + limits.total_seconds)
                whole = await _read(payload, limits.body_bytes_max, reader, keep)
                wire.release()
                return Reply(head.status, head.headers, whole, head.framed)
            finally:
                wire.close()
    except EgressRefused as refused:
        return Failed(FailureKind.REFUSED_BY_EGRESS, refused.reason)
    except _TooLarge:
        return Failed(FailureKind.TOO_LARGE, f"more than {limits.body_bytes_max} bytes")
    except _NoRoom:
        return Failed(FailureKind.NO_ROOM, "too many bytes are in hand")
    except TimeoutError:
        return Failed(stage, TimeoutError.__name__)
    except (aiohttp.ClientError, HttpProcessingError) as failure:
        return Failed(_kind(failure), _words(failure))


def _connector(client: aiohttp.ClientSession) -> PermittingConnector:
    connector = client.connector
    assert isinstance(connector, PermittingConnector), "only egress makes clients"
    return connector


def _kind(failure: Exception) -> FailureKind:
    match failure:
        case aiohttp.ClientSSLError():
            return FailureKind.TLS
        case aiohttp.ClientConnectorError():
            return FailureKind.CONNECT
        case HttpProcessingError() | aiohttp.InvalidURL():
            return FailureKind.PROTOCOL
        case _:
            return FailureKind.CUT


def _words(failure: Exception) -> str:
    match failure:
        case aiohttp.InvalidURL():
            words = ""  # it spells out the whole URL, and with it what a buyer asked
        case HttpProcessingError():
            words = failure.message
        case _:
            words = str(failure)
    return (words or type(failure).__name__)[:_DETAIL_CHARACTERS_MAX]


def _connect_timeout(limits: Limits) -> aiohttp.ClientTimeout:
    return _connecting(min(limits.connect_seconds, limits.first_byte_seconds), limits.total_seconds)


@lru_cache(maxsize=_LIMITS_KEPT_MAX)
def _connecting(connect_seconds: float, total_seconds: float) -> aiohttp.ClientTimeout:
    # No rounding up to whole seconds.
    return aiohttp.ClientTimeout(connect=connect_seconds, ceil_threshold=total_seconds + 1)


async def _read(
    payload: StreamReader,
    body_bytes_max: int,
    reader: Reader | None,
    keep: Callable[[int], bool] | None,
) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await payload.readany():
        size += len(piece)
        if size > body_bytes_max:
            raise _TooLarge
        if keep is not None and not keep(len(piece)):
            raise _NoRoom
        pieces.append(piece)
        if reader is not None:
            reader(piece)
    return b"".join(pieces)


def _framed(method: str, message: RawResponseMessage) -> bool:
    headers = message.headers
    return (
        "Content-Length" in headers
        or "Transfer-Encoding" in headers
        or message.code in (204, 304)
        or method == "HEAD"
    )
