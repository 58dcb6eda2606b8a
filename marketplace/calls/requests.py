"""A call as plain values, whatever transport brought it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from payments.x402 import v1
from payments.x402.headers import decode_payment
from payments.x402.types import PaymentPayload
from sellers.input_rules import OUR_QUERY_NAMES
from sellers.offers import resource_url

Query: TypeAlias = tuple[tuple[str, str], ...]


class BodyTooLarge(Exception):
    """The buyer's request body is longer than this marketplace takes."""


class BodyIncomplete(Exception):
    """The buyer hung up before the whole request body had arrived."""


class Gone(asyncio.Event):
    """Set when the buyer hung up; `told` is the same as a future, which takes no task to await."""

    def __init__(self) -> None:
        super().__init__()
        self.told: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def set(self) -> None:
        super().set()
        if not self.told.done():
            self.told.set_result(None)


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call to a listing, with everything about it that may change the answer."""

    method: str  # upper case, as sent
    segments: tuple[str, ...]  # decoded, after /call/<seller>/<listing>
    query: Query  # decoded pairs in given order, without ours
    headers: tuple[tuple[str, str], ...]  # lower-case names
    credential: str | None  # what carries the payment; None is an unpaid call
    read_body: Callable[[], Awaitable[bytes]]  # may raise BodyTooLarge, BodyIncomplete
    gone: Gone
    max_price: str | None = None  # X-Max-Price, as sent
    fresh: bool = False  # X-Souk-Fresh: 1, do not join an abandoned payment
    origin: Callable[[], str] = str  # the network it comes from; empty where that is not known
    siwx: str | None = None  # the SIGN-IN-WITH-X value
    # Reads the credential in the version of x402 that this call speaks.
    decode: Callable[[str], PaymentPayload | v1.Payment] = decode_payment


def is_segment(segment: str) -> bool:
    """Whether this may stand between two slashes: nothing empty, and no step up the path."""
    return segment not in ("", ".", "..") and "\0" not in segment


def without_ours(query: Query) -> Query:
    """Leave out the names that speak to us and not to the seller."""
    return tuple(pair for pair in query if pair[0] not in OUR_QUERY_NAMES)


def with_segments(url: str, segments: Sequence[str]) -> str:
    """A listing's address with path values after it, in their one spelling."""
    return "/".join((url, *(quote(segment, safe="") for segment in segments)))


def canonical_url(
    base_url: str, path: str, segments: Sequence[str], query: Sequence[tuple[str, str]]
) -> str:
    """Write a request's address in its one spelling, under the configured public base.

    Two requests are the same purchase only when this is the same; what the buyer's Host
    header or a proxy in front of us says has no part in it.
    """
    url = with_segments(resource_url(base_url, path), segments)
    if query:
        pairs = (f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
        url += "?" + "&".join(pairs)
    return url
