"""The call to a seller's upstream and its answer, within limits.

Every forwarded call carries headers that prove it came through this marketplace:

    X-Souk-Payment: <payment id>
    X-Souk-Payer: <wallet address>
    X-Souk-Listing: <seller/listing>
    X-Souk-Timestamp: <unix seconds>
    X-Souk-Signature: v1=<lower-case hex of HMAC-SHA256>

The HMAC is keyed with the listing's signing key over these six lines, joined by single
line feeds, without one at the end:

    souk-v1
    <X-Souk-Timestamp>
    <X-Souk-Payment>
    <X-Souk-Payer>
    <X-Souk-Listing>
    <lower-case hex of SHA-256 over the request body; of nothing when there is none>

An upstream recomputes it, compares in constant time, and refuses old timestamps.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Final

import aiohttp
from yarl import URL

from marketplace.calls.passage import Passage
from marketplace.calls.shares import Share
from payments.egress import Failed, FailureKind, Head, Limits, Reply, exchange
from sellers.header_names import is_never_forwarded, is_never_secret
from sellers.upstreams.marks import mark_headers
from sellers.upstreams.targets import UnsafeTarget, target

__all__ = [
    "Answered",
    "Failed",
    "FailureKind",
    "Outcome",
    "UnsafeTarget",
    "Upstream",
    "forward",
    "target",
]

_ALWAYS_FORWARDED: Final = frozenset({"accept", "accept-language", "content-type"})
_PASSED_BACK: Final = (
    "Content-Encoding",
    "Content-Language",
    "Content-Disposition",
    "Content-Digest",
    "Last-Modified",
    "Retry-After",
    "Deprecation",
    "Sunset",
    "X-Request-Id",
)
_HEADER_VALUE_MAX: Final = 2048


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a listing's calls go, and how far we wait and read."""

    url_template: str  # scheme://host[:port]/prefix, with {name} for path parameters
    method: str
    secret_headers: Mapping[str, str]
    forward_headers: frozenset[str]  # lower case; beyond those always forwarded
    connect_seconds: float
    first_byte_seconds: float
    total_seconds: float
    answer_bytes_max: int

    @property
    def origin(self) -> str:
        """Scheme, host and port, however they are spelled."""
        return _origin(self.url_template)


@dataclass(frozen=True, slots=True)
class Answered:
    """The upstream's whole answer, of any status, with the headers a buyer may see."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes
    share: Share | None = field(default=None, compare=False, repr=False)  # what the body takes up


Outcome = Answered | Failed


async def forward(
    client: aiohttp.ClientSession,
    upstream: Upstream,
    *,
    path_values: Mapping[str, str],
    query: Sequence[tuple[str, str]],
    headers: Sequence[tuple[str, str]],
    body: bytes,
    idempotency_key: str,
    marks: Mapping[str, str],
    signing_key: bytes,
    passage: Passage | None = None,
    share: Share | None = None,
) -> Outcome:
    """Call the seller's endpoint once on a buyer's behalf and bring the whole answer.

    What comes is drawn from `share` while it is in hand.

    `marks` holds `payment`, `payer` and `listing`. Raises `UnsafeTarget` before anything
    is sent; `target` says so earlier, while the input is judged.
    """
    sent = _request_headers(upstream, headers)
    sent.append(("Idempotency-Key", idempotency_key))
    sent.extend(mark_headers(marks, body, signing_key, now=int(time.time())))
    reply = await exchange(
        client,
        upstream.method,
        target(upstream.url_template, path_values, query),
        headers=sent,
        body=body,
        limits=Limits(
            upstream.connect_seconds,
            upstream.first_byte_seconds,
            upstream.total_seconds,
            upstream.answer_bytes_max,
        ),
        reader_for=partial(_reader, passage) if passage else None,
        keep=share.draw if share else None,
    )
    return _answered(reply, share) if isinstance(reply, Reply) else reply


@lru_cache(maxsize=4_096)
def _origin(url_template: str) -> str:
    return str(URL(url_template).origin())


def _request_headers(
    upstream: Upstream, headers: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    secret = [(k, v) for k, v in upstream.secret_headers.items() if not is_never_secret(k)]
    sent = [("Accept-Encoding", "identity"), *secret]
    dropped = {name.lower() for name, _ in secret} | _named_in_connection(headers)
    wanted = _ALWAYS_FORWARDED | upstream.forward_headers
    for name, value in headers:
        low = name.lower()
        if low not in wanted or low in dropped or is_never_forwarded(low):
            continue
        if low == "content-type":  # a second one could be read in place of the judged one
            dropped.add(low)
        if _sendable(value):
            sent.append((name, value))
    return sent


def _named_in_connection(headers: Sequence[tuple[str, str]]) -> set[str]:
    values = [value for name, value in headers if name.lower() == "connection"]
    return {token.strip().lower() for value in values for token in value.split(",")}


def _sendable(value: str) -> bool:
    return len(value) <= _HEADER_VALUE_MAX and value.isascii() and value.isprintable()


def _reader(passage: Passage, head: Head) -> Callable[[bytes], None] | None:
    """Only what may be charged when it is whole is passed on as it comes."""
    if not 200 <= head.status < 300 or head.status == 206 or not head.framed:
        return None
    passage.begin(head)
    return passage.add


def _answered(reply: Reply, share: Share | None) -> Outcome:
    if not reply.framed:
        return Failed(FailureKind.PROTOCOL, "no length given: a cut answer would look whole")
    passed, content_type = passed_back(reply)
    return Answered(reply.status, passed, content_type, reply.body, share)


def passed_back(reply: Reply | Head) -> tuple[tuple[tuple[str, str], ...], str]:
    """The headers that a buyer may see, and the content type."""
    received = reply.headers
    passed = tuple(
        (name, value)
        for name in _PASSED_BACK
        if (value := received.get(name)) is not None and _sendable(value)
    )
    content_type = received.get("Content-Type", "")
    if not content_type or not _sendable(content_type):
        content_type = "application/octet-stream"
    return passed, content_type
