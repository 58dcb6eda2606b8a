"""`/api/refunds`: a buyer's program asks for money back, and how that stands, for its own wallet.

The bodies follow the draft of the x402 refund extension. Who asks is shown with SIGN-IN-WITH-X by
the wallet that paid, for each call anew: nothing else proves it, neither an id nor a signature
that is public on chain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from payments import rates
from payments.counter import counter
from payments.disputes.cases import Denied, DisputeRefused, Request, latest_of, open_dispute
from payments.ids import read_id
from payments.models import Case, Dispute, Payment, Reason, Refund
from payments.reports.cases import find_case
from payments.reports.finding import paid_in
from payments.serving.cross_origin import asked_from_anywhere
from payments.wallets.payers import Payer
from payments.wallets.proof import WALLET_HEADER, Subject
from payments.wallets.siwx import AsksTooOften
from payments.wiring.bounds import refund_requests_per_minute
from payments.wiring.networks import networks
from payments.wiring.site import origin_of, public_url
from payments.written import hexadecimal, utc
from payments.x402.networks import chain_id_of, read_address
from payments.x402.reasons import PaymentRefused

P = ParamSpec("P")
BODY_BYTES_MAX = 16_384
AMOUNT_DIGITS_MAX = 78
KEY_CHARACTERS_MAX = 255
_TRANSACTION = re.compile(r"0x[0-9a-fA-F]{64}")
_STATUS = {
    Case.REFUNDED: "executed",
    Case.REJECTED: "denied",
    Case.WITHDRAWN: "denied",
    Case.UNPAID: "denied",
}
_HTTP = {Denied.UNKNOWN_PAYMENT: 404, Denied.NOT_PAYER: 403}


class _Unreadable(Exception):
    """The request cannot be understood; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class _Carried:
    """A transaction, and the wallet that is said to have paid in it, on one network."""

    payer: Payer
    transaction: bytes


def _in_turn(
    page: Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponse]],
) -> Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponse]]:
    """Counted by network before anything is read or looked up: each may cost a question to a
    chain."""

    @wraps(page)
    async def counted(request: HttpRequest, /, *args: P.args, **named: P.kwargs) -> HttpResponse:
        network = origin_of(request)
        if not network:
            return await page(request, *args, **named)
        most = refund_requests_per_minute()
        rate = await sync_to_async(rates.take)("refund request", network, most)
        if rate.allows:
            response = await page(request, *args, **named)
        else:
            detail = f"At most {most} a minute from one network; wait {rate.retry_seconds} s."
            response = _too_often(detail, rate.retry_seconds)
        for name, value in rate.headers.items():
            response[name] = value
        return response

    return counted


@csrf_exempt
@asked_from_anywhere("POST", headers=("Content-Type", WALLET_HEADER))
@require_POST
@_in_turn
async def ask(request: HttpRequest) -> HttpResponse:
    """Open a dispute as a program: the seller has to answer it as any other."""
    try:
        asked = _body(request)
        payment_id = read_id(str(asked["paymentReference"].get("paymentId") or ""))
        if payment_id is None:
            return await _by_transaction(request, asked, _carried_by(asked))
    except _Unreadable as unreadable:
        return _unreadable(unreadable)
    payment = await sync_to_async(_payment)(payment_id, asked)
    if payment is None:
        return _unknown()
    unproven = await _unproven(request, payment.payer, payment.network)
    return unproven or await _open(payment, asked)


async def _by_transaction(
    request: HttpRequest, asked: Mapping[str, Any], carried: _Carried
) -> HttpResponse:
    """Transactions are public: of who paid in one, only the payer is told anything at all."""
    unproven = await _unproven(request, carried.payer.address, carried.payer.network)
    if unproven is not None:
        return unproven
    found = await sync_to_async(paid_in)(carried.payer, carried.transaction)
    if len(found) > 1:
        several = "several payments are in this transaction; name one by paymentId"
        return _unreadable(_Unreadable(several))
    payment = await sync_to_async(_payment)(found[0], asked) if found else None
    return _unknown() if payment is None else await _open(payment, asked)


async def _open(payment: Payment, asked: Mapping[str, Any]) -> HttpResponse:
    try:
        dispute = await sync_to_async(open_dispute)(payment, _request(asked, payment))
    except _Unreadable as unreadable:
        return _unreadable(unreadable)
    except DisputeRefused as refused:
        known = await sync_to_async(latest_of)(payment.pk)
        return _denied(refused.why, refused.message, known)
    return _said(await sync_to_async(_document)(dispute), 202)


@asked_from_anywhere("GET", headers=(WALLET_HEADER,))
@require_safe
@_in_turn
async def show(request: HttpRequest, dispute_id: UUID) -> HttpResponse:
    """How it stands, told to the wallet that paid."""
    dispute = await sync_to_async(find_case)(dispute_id)
    if dispute is None:
        return _said({"error": "unknown_refund", "detail": "There is no such request here."}, 404)
    payment = dispute.payment
    unproven = await _unproven(request, payment.payer, payment.network)
    return unproven or _said(await sync_to_async(_document)(dispute))


def _body(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > BODY_BYTES_MAX:
        raise _Unreadable(f"a request has {BODY_BYTES_MAX} bytes at most")
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        raise _Unreadable("the body is a JSON object") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("paymentReference"), dict):
        raise _Unreadable("the body is a JSON object with paymentReference, reason and amount")
    return asked


def _payment(payment_id: UUID, asked: Mapping[str, Any]) -> Payment | None:
    found = Payment.objects.defer("signature", "identifier_hash").filter(pk=payment_id).first()
    network = asked["paymentReference"].get("network")
    return found if found is None or network in (None, found.network) else None


def _carried_by(asked: Mapping[str, Any]) -> _Carried:
    """The transaction that is meant, and who is said to have paid in it."""
    reference = asked["paymentReference"]
    payer, transaction = _wallet(asked.get("refundTo")), reference.get("txHash")
    if payer is None or not isinstance(transaction, str) or not _TRANSACTION.fullmatch(transaction):
        raise _Unreadable(
            "paymentReference names a payment by paymentId (the id of /p/<id>), or by txHash with"
            " the paying wallet as refundTo"
        )
    network = str(reference.get("network") or next(iter(networks()), ""))
    try:
        chain_id_of(network)
    except PaymentRefused:
        raise _Unreadable("network is the one that was paid on, such as eip155:8453") from None
    return _Carried(Payer(payer, network), bytes.fromhex(transaction[2:]))


def _wallet(text: Any) -> str | None:
    return read_address(text) if isinstance(text, str) else None


def _request(asked: Mapping[str, Any], payment: Payment) -> Request:
    if asked.get("refundTo") is not None and _wallet(asked["refundTo"]) != payment.payer:
        raise DisputeRefused(Denied.POLICY, "a refund goes back to the wallet that paid")
    amount = asked.get("amount", str(int(payment.amount_atomic)))
    digits = amount if isinstance(amount, str) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= AMOUNT_DIGITS_MAX):
        raise _Unreadable("amount is a string of digits: the token's smallest units")
    if asked.get("reason") not in Reason.values:
        raise _Unreadable(f"reason is one of: {', '.join(Reason.values)}")
    texts = (asked.get("idempotencyKey", ""), asked.get("description", ""))
    if not all(isinstance(text, str) for text in texts):
        raise _Unreadable("idempotencyKey and description are strings")
    if not (texts[0].isascii() and texts[0].isprintable()) or len(texts[0]) > KEY_CHARACTERS_MAX:
        raise _Unreadable(f"idempotencyKey has {KEY_CHARACTERS_MAX} ASCII characters at most")
    return Request(Reason(asked["reason"]), int(digits), text=texts[1], key=texts[0])


async def _unproven(request: HttpRequest, payer: str, network: str) -> HttpResponse | None:
    """None when the paying wallet asks; else the question that it has to answer."""
    site, proof = await counter(), request.headers.get(WALLET_HEADER)
    subject = Subject(payer, network, public_url(request.path))
    error = "proof_required"
    if proof is not None:
        try:
            why = await subject.why_unproven(
                proof, site.pool, site.chains, origin=origin_of(request)
            )
        except AsksTooOften as often:
            return _too_often(often.detail, often.retry_seconds)
        if why is None:
            return None
        error = why
    detail = (
        "Only the wallet that paid can ask. Sign the text of the sign-in-with-x extension below"
        f" with it and send that as {WALLET_HEADER}; each question is good for one answer."
    )
    said = {
        "status": "denied",
        "reason": Denied.NOT_PAYER,
        "error": error,
        "detail": detail,
        "extensions": subject.question(),
    }
    response = _said(said, 401)
    response["WWW-Authenticate"] = f'{WALLET_HEADER} realm="refunds"'
    return response


def _document(dispute: Dispute) -> dict[str, Any]:
    state = Case(dispute.state)
    status = _STATUS.get(state, "pending")
    back = list(dispute.refunds.exclude(state=Refund.Found.REFUSED).order_by("named_at"))
    return {
        "status": status,
        **({"reason": Denied.POLICY} if status == "denied" else {}),
        "refundId": str(dispute.pk),
        "paymentId": str(dispute.payment_id),
        "state": state,
        "asked": str(int(dispute.asked_atomic)),
        "askedFor": dispute.reason,
        "deadline": utc(dispute.deadline_at) if dispute.deadline_at else None,
        "transactions": [
            {
                "txHash": hexadecimal(each.transaction),
                "amount": None if each.amount_atomic is None else str(int(each.amount_atomic)),
                "confirmed": each.state == Refund.Found.CONFIRMED,
            }
            for each in back
        ],
        "statusUrl": _status_url(dispute),
    }


def _unreadable(why: _Unreadable) -> HttpResponse:
    return _said({"error": "bad_request", "detail": str(why)}, 400)


def _unknown() -> HttpResponse:
    return _denied(Denied.UNKNOWN_PAYMENT, "There is no such payment of this wallet here.")


def _denied(why: Denied, message: str, known: Dispute | None = None) -> HttpResponse:
    """Refused, with where an earlier case about the payment stands, which its payer may read."""
    detail = f"{message[0].upper()}{message[1:]}".rstrip(".") + "."
    where = {"statusUrl": _status_url(known)} if known else {}
    said = {"status": "denied", "reason": why, "detail": detail, **where}
    return _said(said, _HTTP.get(why, 409))


def _status_url(dispute: Dispute) -> str:
    return public_url(reverse("api-refund", args=[dispute.pk]))


def _too_often(detail: str, retry_seconds: int) -> HttpResponse:
    response = _said({"error": "too_often", "detail": detail}, 429)
    response["Retry-After"] = str(retry_seconds)
    return response


def _said(document: dict[str, Any], status: int = 200) -> HttpResponse:
    response = JsonResponse(document, status=status)
    response["Cache-Control"] = "no-store"
    return response
