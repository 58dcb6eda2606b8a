"""How a paid call ended, as the result of a tool.

Only what a new payment would cure is a quote. Whatever may have been paid, or is not known yet,
holds nothing that a client would take for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from marketplace.calls.outcomes import (
    OWES_REFUND,
    Challenged,
    Delivered,
    NotCharged,
    PaidUnanswered,
    Refused,
    Told,
    Unavailable,
)
from marketplace.calls.quoting import refusing
from marketplace.calls.shelf import Absent, Place, Shelved
from marketplace.calls.unsold import absent
from marketplace.catalog.mcp.orders import PAYMENT, PROOF
from marketplace.catalog.mcp.results import (
    Document,
    contents,
    embedded,
    problem,
    wants_payment,
)
from payments.documents import REFUNDS_PATH
from payments.lookup import StoredAnswer
from payments.wiring.site import payment_url
from payments.x402.reasons import Reason
from payments.x402.types import Challenge, Settlement

RECEIPT: Final = "x402/payment-response"


def result_of(outcome: Told, place: Place) -> Document:
    """Write an outcome as the result that an agent's program understands."""
    match outcome:
        case Delivered():
            return _delivered(outcome)
        case NotCharged(status, reason, payment_id, answer):
            also = {"charged": False, "status": status, **where(payment_id)}
            return _with(problem(reason, outcome.detail, also=also), answer, payment_id)
        case PaidUnanswered(status, reason, payment_id, settlement, answer):
            also = {"charged": True, "refund": "due", "status": status, **where(payment_id)}
            also |= _refunds()
            told = problem(reason, outcome.detail, also=also, meta=_receipt(settlement))
            return _with(told, answer, payment_id)
        case Unavailable(error, detail, retry_after_seconds, payment_id, settlement, extensions):
            also = {"retry_after_seconds": retry_after_seconds, **where(payment_id)}
            also |= _asked(extensions)
            return problem(error, detail, also=also, meta=_receipt(settlement))
        case Refused(status, error, detail, headers, payment_id, extensions):
            also = {"status": status, **_wait(headers), **where(payment_id), **_asked(extensions)}
            if error == OWES_REFUND:
                also |= _refunds()
            return problem(error, detail, also=also)
        case Challenged():
            return _asked_again(outcome, place)


def quote_of(
    shelved: Shelved, reason: Reason = Reason.PAYMENT_REQUIRED, detail: str = ""
) -> Mapping[str, Any]:
    """The door's own quote; only how to come back with a payment is said in MCP's words."""
    challenge: Challenge = refusing(shelved.challenge, reason, detail)
    document = challenge.to_wire()
    document.pop("v1", None)
    retry = challenge.more.get("retry")
    if isinstance(retry, Mapping):
        kept = {name: value for name, value in retry.items() if name != "header"}
        document["retry"] = {"meta": PAYMENT, **kept, "proof": PROOF}
    document["demo"] = {"available": True, "arguments": {"demo": True}}
    return document


def _asked_again(outcome: Challenged, place: Place) -> Document:
    """Quote once more, and say what became of a payment that was taken and not collected."""
    receipt = _receipt(outcome.settlement)
    if isinstance(place, Absent):  # a new payment would not help where nothing is for sale
        gone = result_of(absent(place), place)
        return {**gone, "_meta": receipt} if receipt else gone
    quote = quote_of(place, outcome.reason, outcome.detail)
    return wants_payment({**quote, **where(outcome.payment_id), **receipt}, meta=receipt)


def sample_of(shelved: Shelved) -> Document:
    """The stored sample, free, and marked as what it is."""
    sample = shelved.terms.sample.visible()
    shown = contents(sample.content_type, sample.body, f"{shelved.url}?demo=true")
    return _shown(shown.blocks, shown.structured, {"souk/demo": True})


def _delivered(outcome: Delivered) -> Document:
    answer, payment_id = outcome.answer, outcome.payment_id
    meta: Document = {
        **_receipt(outcome.settlement),
        "souk/payment": str(payment_id),
        "souk/status_url": where(payment_id)["status_url"],
        "souk/status": answer.status,
        "souk/content_type": answer.content_type,
    }
    if outcome.joined:
        meta["souk/joined"] = True
    body = answer.body or b""
    if len(body) > settings.MCP_ANSWER_BYTES_MAX:
        return _shown([_link(answer, payment_id), _too_long(body)], None, meta)
    encoding = next((v for k, v in answer.headers if k.lower() == "content-encoding"), "")
    if encoding:
        meta["souk/content_encoding"] = encoding
    url = _answer_url(payment_id)
    shown = contents(answer.content_type, body, url, encoded=bool(encoding))
    return _shown(shown.blocks, shown.structured, meta)


def is_in_full(outcome: Delivered) -> bool:
    """Whether the result holds the answer itself, and not only where it lies."""
    return len(outcome.answer.body or b"") <= settings.MCP_ANSWER_BYTES_MAX


def _shown(blocks: list[Document], structured: Document | None, meta: Document) -> Document:
    result: Document = {"content": blocks, "isError": False, "_meta": meta}
    return result if structured is None else {**result, "structuredContent": structured}


def _too_long(body: bytes) -> Document:
    text = (
        f"You paid for this answer. It has {len(body)} bytes, which is too long for a tool's"
        " result; it lies at the address beside this, for the wallet that paid."
    )
    return {"type": "text", "text": text}


def _link(answer: StoredAnswer, payment_id: UUID) -> Document:
    return {
        "type": "resource_link",
        "uri": _answer_url(payment_id),
        "name": "answer",
        "mimeType": answer.content_type,
        "size": answer.body_bytes,
    }


def _with(result: Document, answer: StoredAnswer | None, payment_id: UUID) -> Document:
    """What the seller said about its failure, as a file: an error's text may be read as a quote."""
    if answer is None or not answer.body or len(answer.body) > settings.MCP_ANSWER_BYTES_MAX:
        return result
    seller_said = embedded(answer.content_type, answer.body, _answer_url(payment_id))
    return {**result, "content": [*result["content"], seller_said]}


def _receipt(settlement: Settlement | None) -> Document:
    return {} if settlement is None else {RECEIPT: settlement.to_wire()}


def _asked(extensions: Mapping[str, Any]) -> Document:
    return {"extensions": dict(extensions)} if extensions else {}


def _refunds() -> Document:
    return {"refund_url": f"{settings.PUBLIC_BASE_URL}{REFUNDS_PATH}"}


def _wait(headers: Iterable[tuple[str, str]]) -> Document:
    """How long to wait, where the door says so in a header."""
    said = {name.lower(): value for name, value in headers}.get("retry-after")
    return {} if said is None else {"retry_after_seconds": int(said)}


def where(payment_id: UUID | None) -> Document:
    """Which payment is meant, and where to see what became of it."""
    if payment_id is None:
        return {}
    return {"payment": str(payment_id), "status_url": payment_url(payment_id)}


def _answer_url(payment_id: UUID) -> str:
    return f"{payment_url(payment_id)}/answer"
