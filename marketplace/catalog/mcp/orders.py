"""A tool call for a listing, read into the call that the listing takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.conf import settings

from marketplace.calls.requests import BodyTooLarge, CallRequest, Gone, is_segment, without_ours
from payments.wallets.questions import EXTENSION
from payments.x402.headers import HEADER_CHARACTERS_MAX, decode_json, encode_json, payment_of
from payments.x402.reasons import Malformed, Reason
from payments.x402.types import PaymentPayload
from sellers.examples import body, body_media_type, path_values, query_pairs
from sellers.terms import Terms

PAYMENT: Final = "x402/payment"
PROOF: Final = EXTENSION
FRESH: Final = "souk/fresh"
CEILING: Final = "souk/max-price"
PARTS: Final = ("path", "query", "body")
# As much as fits into the door's header: base64 makes four characters of three bytes.
PAYMENT_BYTES_MAX: Final = HEADER_CHARACTERS_MAX * 3 // 4
_OURS: Final = frozenset(
    {"accept", "accept-language", "content-type", "content-length", "transfer-encoding"}
)


class Misfit(Exception):
    """Arguments from which no call can be made; the text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an agent wants of one listing, and what it attached."""

    path: str
    input: Mapping[str, Any]
    payment: str | None  # the payment, as JSON
    max_price: str | None
    proof: str | None
    demo: bool
    fresh: bool
    headers: tuple[tuple[str, str], ...]  # of the request that brought it
    gone: Gone
    origin: str = ""  # the network it came from


def payment_in(meta: Mapping[str, Any]) -> str | None:
    """The payment that a tool call carries, as JSON; None when there is none."""
    attached = meta.get(PAYMENT)
    if attached is None:
        return None
    # Some clients write it as text.
    is_text = isinstance(attached, str)
    written: str = attached if is_text else encode_json(attached).decode()
    if len(written.encode()) > PAYMENT_BYTES_MAX:
        raise Malformed(
            Reason.MALFORMED_PAYLOAD, f"a payment has {PAYMENT_BYTES_MAX} bytes at most"
        )
    return written


def read_payment(written: str) -> PaymentPayload:
    """The payment itself, read as strictly as the door reads its header."""
    return payment_of(decode_json(written.encode()))


def request_of(order: Order, terms: Terms) -> CallRequest:
    """The call that these arguments mean, in the spelling that HTTP gives it."""
    order = replace(order, input=_without_nulls(order.input))
    if unknown := sorted(set(order.input) - set(PARTS)):
        raise Misfit(f"input has {', '.join(PARTS)} and no {unknown[0][:40]}")
    for part in ("path", "query"):
        if not isinstance(order.input.get(part, {}), dict):
            raise Misfit(f"input.{part} must be an object")
    try:
        media_type = body_media_type(terms.input_schema)
        if media_type and not isinstance(order.input.get("body", ""), str):
            raise Misfit(f"input.body must be a text of {media_type}")
        content_type, sent = body(order.input, media_type)
        segments, query = _segments(order, terms), tuple(query_pairs(order.input))
    except TypeError:  # a number that has no 64 bits to stand in
        raise Misfit("input holds a number that is too large") from None
    headers = [(name, value) for name, value in order.headers if name not in _OURS]
    headers += [("accept", "*/*"), *([("content-type", content_type)] if content_type else [])]

    async def read_body() -> bytes:
        if len(sent) > settings.REQUEST_BODY_BYTES_MAX:  # longer than in the message, maybe
            raise BodyTooLarge
        return sent

    return CallRequest(
        method=terms.method,
        segments=segments,
        query=without_ours(query),
        headers=tuple(headers),
        credential=order.payment,
        read_body=read_body,
        gone=order.gone,
        max_price=order.max_price,
        fresh=order.fresh,
        origin=lambda: order.origin,
        siwx=order.proof,
        decode=read_payment,
    )


def _without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    """The input without what was left out by naming it: many agents write null for that.

    What a JSON body holds is the seller's matter.
    """
    kept = {part: value for part, value in given.items() if value is not None}
    if isinstance(query := kept.get("query"), dict):
        kept["query"] = {
            name: [one for one in value if one is not None] if isinstance(value, list) else value
            for name, value in query.items()
            if value is not None
        }
    return kept


def _segments(order: Order, terms: Terms) -> tuple[str, ...]:
    if None in order.input.get("path", {}).values():
        raise Misfit("a part of input.path is null")
    given = path_values(order.input)
    if set(given) != set(terms.path_parameters):
        raise Misfit(f"input.path must name {', '.join(terms.path_parameters) or 'nothing'}")
    segments = tuple(given[name] for name in terms.path_parameters)
    if not all(map(is_segment, segments)):
        raise Misfit("a part of input.path is empty, or a step up the path")
    return segments
