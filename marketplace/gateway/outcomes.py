"""How a paid call ended, in HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from marketplace.calls.http import Header, Headers, Response, retry_after, with_length
from marketplace.calls.outcomes import (
    MAYBE_TAKEN,
    OWES_REFUND,
    Challenged,
    Delivered,
    NotCharged,
    PaidUnanswered,
    Refused,
    Streamed,
    Told,
    Unavailable,
)
from marketplace.calls.shelf import Absent, Place
from marketplace.gateway.dialects import Dialect
from marketplace.gateway.responses import FAULT, FAULTY, GUARDED, absent, plain
from payments.documents import REFUNDS_PATH
from payments.lookup import StoredAnswer
from payments.serving.leaving import PIECE_BYTES
from payments.written import payment_page
from payments.x402.headers import encode_header
from payments.x402.types import Settlement

# Whatever an upstream calls its answer, these words are ours.
_OURS: Final = frozenset(name for name, _ in GUARDED) | {
    b"content-length",
    b"content-type",
    b"etag",  # nobody answers who asks whether a paid answer changed
    b"payment-response",
    b"x-payment-charged",
    b"x-payment-response",
    b"x-souk-joined",
    b"x-souk-payment",
}
_VARY: Final[Header] = (b"vary", b"Accept, PAYMENT-SIGNATURE, X-PAYMENT")


def response_of(outcome: Told, place: Place, dialect: Dialect, public_base_url: str) -> Response:
    """Write an outcome as the answer a buyer's program understands."""
    match outcome:
        case Delivered(answer, settlement, payment_id, joined=joined):
            more = [_payment_response(dialect, settlement), _payment(payment_id)]
            if joined:
                more.append((b"x-souk-joined", str(payment_id).encode()))
            return _answer(answer, more)
        case NotCharged(status, reason, payment_id, answer):
            charged = (b"x-payment-charged", f"no; reason={reason}".encode())
            if answer is not None:
                return _answer(answer, [charged, _payment(payment_id)])
            return _told(
                status,
                reason,
                outcome.detail,
                payment_id,
                public_base_url,
                [charged],
                dialect.marks,
            )
        case PaidUnanswered(status, reason, payment_id, settlement, answer):
            charged = (b"x-payment-charged", f"yes; refund=due; reason={reason}".encode())
            more = [charged, _payment_response(dialect, settlement)]
            if answer is not None:
                return _answer(answer, [*more, _payment(payment_id)])
            also = {**dialect.marks, **_refunds(public_base_url)}
            return _told(status, reason, outcome.detail, payment_id, public_base_url, more, also)
        case Unavailable(error, detail, retry_after_seconds, payment_id, settlement, extensions):
            more = [retry_after(retry_after_seconds)]
            if settlement is not None:
                more.append(_payment_response(dialect, settlement))
            also = {**dialect.marks, **_asked(extensions)}
            return _told(503, error, detail, payment_id, public_base_url, more, also)
        case Refused(status, error, detail, headers, payment_id, extensions):
            more = [*_encoded(headers)]
            also = {**dialect.marks, **_asked(extensions)}
            if error == OWES_REFUND:
                also |= _refunds(public_base_url)
            return _told(status, error, detail, payment_id, public_base_url, more, also)
        case Challenged():
            return _asked_again(outcome, place, dialect, public_base_url)


def fault_of(payment_id: UUID | None, public_base_url: str) -> Response:
    """Say that we ourselves failed; and of which payment, if one was taken or may have been."""
    if payment_id is None:
        return FAULT
    detail = f"Something went wrong here. {MAYBE_TAKEN}"
    wait = retry_after(FAULTY.retry_after_seconds)
    return _told(503, FAULTY.error, detail, payment_id, public_base_url, [wait], {})


def head_of(outcome: Streamed, dialect: Dialect) -> Response:
    """The status and headers of an answer whose body follows as it comes."""
    more = [_payment_response(dialect, outcome.settlement), _payment(outcome.payment_id)]
    if outcome.joined:
        more.append((b"x-souk-joined", str(outcome.payment_id).encode()))
    kept = (header for header in _encoded(outcome.headers) if header[0] not in _OURS)
    content_type = (b"content-type", outcome.content_type.encode("latin-1"))
    return Response(outcome.status, (content_type, *kept, *more, *GUARDED, _VARY), b"")


def _asked_again(
    outcome: Challenged, place: Place, dialect: Dialect, public_base_url: str
) -> Response:
    """Quote once more, and say what became of a payment that was taken and not collected."""
    settlement, payment_id = outcome.settlement, outcome.payment_id
    also = {} if payment_id is None else {"status_url": payment_page(public_base_url, payment_id)}
    if isinstance(place, Absent):  # a new payment would not help where nothing is for sale
        quoted = absent(place)
    else:
        quoted = dialect.quote_again(place, outcome.reason, outcome.detail, also)
    more = [] if settlement is None else [_payment_response(dialect, settlement)]
    more += [] if payment_id is None else [_payment(payment_id)]
    return replace(quoted, headers=(*quoted.headers, *more))


def _told(
    status: int,
    error: str,
    detail: str,
    payment_id: UUID | None,
    public_base_url: str,
    headers: Iterable[Header],
    also: Mapping[str, Any],
) -> Response:
    """Say it in our own words, and where to see what becomes of the payment."""
    if payment_id is None:
        return plain(status, error, detail, *headers, also=also)
    also = {**also, "status_url": payment_page(public_base_url, payment_id)}
    return plain(status, error, detail, *headers, _payment(payment_id), also=also)


def _asked(extensions: Mapping[str, Any]) -> dict[str, Any]:
    return {"extensions": extensions} if extensions else {}


def _refunds(public_base_url: str) -> dict[str, Any]:
    return {"refund_url": f"{public_base_url}{REFUNDS_PATH}"}


def _answer(answer: StoredAnswer, more: Iterable[Header]) -> Response:
    kept = (header for header in _encoded(answer.headers) if header[0] not in _OURS)
    content_type = (b"content-type", answer.content_type.encode("latin-1"))
    headers: Headers = (content_type, *kept, *more, *GUARDED, _VARY)
    body = answer.body or b""
    if answer.status == 204:  # has no body and says no length (RFC 9110, 8.6)
        return Response(answer.status, headers, b"")
    if len(body) > PIECE_BYTES:  # a proxy that takes all of it in would hide who hangs up
        headers = (*headers, (b"x-accel-buffering", b"no"))
    return Response(answer.status, with_length(headers, body), body)


def _payment_response(dialect: Dialect, settlement: Settlement) -> Header:
    return (dialect.outcome, encode_header(dialect.settlement(settlement)).encode())


def _payment(payment_id: UUID) -> Header:
    return (b"x-souk-payment", str(payment_id).encode())


def _encoded(headers: Iterable[tuple[str, str]]) -> Iterable[Header]:
    return ((name.lower().encode(), value.encode("latin-1")) for name, value in headers)
