"""A call as plain values, whatever transport brought it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from payments.x402 import v1
from payments.x402.headers import decode_payment
from payments.x402.types import PaymentPayload
from sellers.offers import resource_url


class BodyTooLarge(Exception):
    """The buyer's request body is longer than this marketplace takes."""


class BodyIncomplete(Exception):
    """The buyer hung up before the whole request body had arrived."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call to a listing, with everything about it that may change the answer."""

    method: str  # upper case, as sent
    segments: tuple[str, ...]  # decoded, after /call/<seller>/<listing>
    query: tuple[tuple[str, str], ...]  # decoded pairs in given order, without ours
    headers: tuple[tuple[str, str], ...]  # lower-case names
    credential: str | None  # what carries the payment; None is an unpaid call
    read_body: Callable[[], Awaitable[bytes]]  # may raise BodyTooLarge, BodyIncomplete
    gone: asyncio.Event  # set when the buyer hung up
    max_price: str | None = None  # X-Max-Price, as sent
    fresh: bool = False  # X-Souk-Fresh: 1, do not join an abandoned payment
    siwx: str | None = None  # the SIGN-IN-WITH-X value
    # Reads the credential in the version of x402 that this call speaks.
    decode: Callable[[str], PaymentPayload | v1.Payment] = decode_payment


def canonical_url(
    base_url: str, path: str, segments: Sequence[str], query: Sequence[tuple[str, str]]
) -> str:
    """Write a request's address in its one spelling, under the configured public base.

    Two requests are the same purchase only when this is the same; what the buyer's Host
    header or a proxy in front of us says has no part in it.
    """
    url = resource_url(base_url, path)
    if segments:
        url += "/" + "/".join(quote(segment, safe="") for segment in segments)
    if query:
        pairs = (f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
        url += "?" + "&".join(pairs)
    return url
