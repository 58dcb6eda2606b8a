"""What a buyer's program asks once it has paid, as OpenAPI says it: status, receipt, answer,
refunds, and what its wallet may still spend.
"""

from __future__ import annotations

from typing import Any, Final

from marketplace.catalog.documents.openapi_parts import (
    LIST,
    OBJECT,
    TEXT,
    TOO_OFTEN,
    as_json,
    in_path,
    operation,
    with_body,
)
from payments.documents import REFUNDS_PATH
from payments.handover.handing_out import IDENTIFIER_HEADER
from payments.models import Reason
from payments.wallets.proof import WALLET_HEADER

WALLET: Final = "siwx"
IDENTIFIER: Final = "paymentIdentifier"
SECURITY: Final[dict[str, dict[str, Any]]] = {
    WALLET: {
        "type": "apiKey",
        "in": "header",
        "name": WALLET_HEADER,
        "description": "The paying wallet's word: ask without it, sign the text of the"
        " sign-in-with-x extension in the body of the 401, send it as base64 of JSON. Each question"
        " is good for one answer.",
    },
    IDENTIFIER: {
        "type": "apiKey",
        "in": "header",
        "name": IDENTIFIER_HEADER,
        "description": "The payment-identifier that was in the payment",
    },
}
_UNKNOWN: Final = {"404": {"description": "There is none with this id here"}}
_PROVE: Final = {"401": {"description": "Prove it: the body carries what is to be signed"}}
_REFUND: Final = {
    "status": {"type": "string", "enum": ["pending", "executed", "denied"]},
    "refundId": TEXT,
    "state": TEXT,
    "transactions": LIST,
    "statusUrl": TEXT,
}
_LIMITS: Final = {"wallet": TEXT, "network": TEXT, "perDay": {"type": ["object", "null"]}}
_SETTLING: Final = {"503": {"description": "Not yet: Retry-After says when to ask again"}}


def operations() -> dict[str, dict[str, Any]]:
    """By path. None of them costs anything; some are for the wallet that paid alone."""
    return {
        "/p/{payment}": {"get": _status()},
        "/p/{payment}/receipt": {"get": _receipt()},
        "/p/{payment}/answer": {"get": _answer()},
        "/p/{payment}/part": {"get": _part()},
        REFUNDS_PATH: {"post": _ask_back()},
        REFUNDS_PATH + "/{refund}": {"get": _refund()},
        "/api/limits/{wallet}": {"get": _limits()},
    }


def _status() -> dict[str, Any]:
    said = {"payment": TEXT, "status": OBJECT, "hint": TEXT, "links": OBJECT}
    return operation(
        "read_payment",
        "See how a payment stands, and where its answer, receipt and refund are",
        [in_path("payment")],
        {"200": as_json("OK; Retry-After while the outcome is open", said), **_UNKNOWN},
    )


def _receipt() -> dict[str, Any]:
    signed = {"description": "A JWS", "content": {"application/jose": {"schema": TEXT}}}
    unsigned = {"404": {"description": "No such payment, or no receipt yet; `error` says which"}}
    return operation(
        "read_receipt",
        "Fetch the signed receipt of a payment",
        [in_path("payment")],
        {"200": signed, **unsigned},
    )


def _answer() -> dict[str, Any]:
    return operation(
        "fetch_answer",
        "Fetch the stored answer of a payment again, as its buyer",
        [in_path("payment")],
        {
            "200": {"description": "The seller's answer, as it was", "content": {"*/*": {}}},
            **_PROVE,
            **_UNKNOWN,
            "409": {"description": "There is no answer to fetch: `error` says why"},
            "410": {"description": "It is kept no longer; its hash is"},
            **_SETTLING,
        },
        WALLET,
        IDENTIFIER,
    )


def _part() -> dict[str, Any]:
    return operation(
        "fetch_part",
        "Fetch what was passed on of a stream that was cut, as its buyer",
        [in_path("payment")],
        {
            "206": {"description": "What came before the cut", "content": {"*/*": {}}},
            **_PROVE,
            "404": {"description": "No such payment, or nothing that passed is kept"},
            "409": {"description": "It was not cut: `error` says how it stands"},
            **_SETTLING,
        },
        WALLET,
        IDENTIFIER,
    )


def _ask_back() -> dict[str, Any]:
    asked = {
        "type": "object",
        "properties": {
            "paymentReference": {
                "type": "object",
                "properties": {"paymentId": TEXT, "txHash": TEXT, "network": TEXT},
            },
            "reason": {"type": "string", "enum": list(Reason.values)},
            "amount": {"type": "string", "description": "in smallest units; all when left out"},
            "description": TEXT,
            "refundTo": {"type": "string", "description": "the paying wallet; needed with txHash"},
            "idempotencyKey": {"type": "string", "maxLength": 255},
        },
        "required": ["paymentReference", "reason"],
    }
    answers = {
        "202": as_json("The seller has to answer it", _REFUND),
        "400": {"description": "It cannot be read; `detail` says what is expected"},
        **_PROVE,
        **_UNKNOWN,
        "409": {"description": "Denied: `reason` says why, statusUrl where an earlier one stands"},
        **TOO_OFTEN,
    }
    said = operation(
        "ask_for_refund", "Ask for money back, as the wallet that paid", [], answers, WALLET
    )
    return with_body(said, asked)


def _refund() -> dict[str, Any]:
    return operation(
        "read_refund",
        "See how a request for money back stands",
        [in_path("refund")],
        {"200": as_json("OK", _REFUND), **_PROVE, **_UNKNOWN, **TOO_OFTEN},
        WALLET,
    )


def _limits() -> dict[str, Any]:
    network = {"name": "network", "in": "query", "required": False, "schema": TEXT}
    return operation(
        "read_limits",
        "See what a wallet may still spend, by its owner's limits",
        [in_path("wallet"), network],
        {"200": as_json("OK", _LIMITS), **_PROVE, **_UNKNOWN, **TOO_OFTEN},
        WALLET,
    )
