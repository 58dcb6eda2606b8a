"""What anybody who knows a payment's id may read of it: for programs and for people.

Never a body, a payment identifier or a signature: those belong to the buyer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from payments.amounts import Amount
from payments.models import Answer
from payments.reports.one_payment import PaymentReport
from payments.x402.networks import NETWORKS


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a payment's page knows beyond the payment: addresses, and the chain's terms."""

    page: str
    receipt: str
    answer: str
    explorer_url: str
    confirmations_needed: int | None


_HINTS = {
    "at_seller": "The seller is still working on the answer. Do not pay again: look again here.",
    "ready": "The answer is stored and the payment is about to be sent. Do not pay again.",
    "settling": "The payment is on its way to the chain. Do not pay again: look again here.",
    "paid": "The money has moved. The buyer can fetch the answer; the receipt follows when the"
    " chain has buried the payment deep enough.",
    "final": "The money has moved and the receipt is signed. The buyer can fetch the answer.",
    "not_charged": "Nothing was charged. The same payment may be sent again for the same request"
    " while its time lasts.",
    "uncollected": "The answer was produced, but the money could not be collected. Nothing was"
    " charged.",
    "paid_unanswered": "The money has moved and no answer came. The seller owes a refund.",
}


def status_document(report: PaymentReport, around: Surroundings) -> dict[str, Any]:
    """The payment as one JSON document."""
    payment, amount = report.payment, amount_of(report)
    network = NETWORKS.get(payment.network)
    return {
        "payment": str(payment.pk),
        "status": {"key": report.words.key, "text": report.words.text},
        "hint": hint(report),
        "work": report.progress.work,
        "money": report.progress.money,
        "amount": {
            "atomic": str(amount.atomic),
            "asset": payment.asset,
            "symbol": amount.symbol,
            "decimals": amount.decimals,
            "text": amount.text,
        },
        "network": payment.network,
        "networkName": network.name if network else payment.network,
        "testnet": bool(network and network.testnet),
        "payer": payment.payer,
        "payTo": payment.pay_to,
        "nonce": hexadecimal(payment.nonce),
        "validBefore": payment.valid_before,
        "transaction": "" if report.transaction is None else hexadecimal(report.transaction),
        "block": _block(report, around),
        "listing": {
            "path": payment.listing_path,
            "title": payment.title,
            "revision": sha256(payment.revision_hash),
        },
        "request": {
            "method": payment.method,
            "hash": sha256(payment.fingerprint),
            "bodyHash": sha256(payment.body_hash),
        },
        "response": _response(report.answer),
        "steps": [
            {"at": utc(each.at), "status": each.words.key, "text": each.words.text, "why": each.why}
            for each in report.timeline
        ],
        "links": _links(report, around),
    }


def hint(report: PaymentReport) -> str:
    return _HINTS[report.words.key]


def amount_of(report: PaymentReport) -> Amount:
    payment = report.payment
    return Amount.of(payment.network, payment.asset, int(payment.amount_atomic))


def transaction_url(report: PaymentReport, around: Surroundings) -> str:
    if report.transaction is None or not around.explorer_url:
        return ""
    return f"{around.explorer_url}/tx/{hexadecimal(report.transaction)}"


def _block(report: PaymentReport, around: Surroundings) -> dict[str, Any] | None:
    progress = report.progress
    if progress.block_number is None or progress.block_hash is None:
        return None
    return {
        "number": progress.block_number,
        "hash": hexadecimal(progress.block_hash),
        "confirmations": report.confirmations,
        "confirmationsNeeded": around.confirmations_needed,
    }


def _response(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "status": answer.status,
        "contentType": answer.content_type,
        "bytes": answer.body_bytes,
        "hash": sha256(answer.body_hash),
        "keptUntil": answer.keep_until.isoformat(),
    }


def _links(report: PaymentReport, around: Surroundings) -> dict[str, str]:
    links = {
        "self": around.page,
        "receipt": around.receipt if report.receipt_version is not None else "",
        "answer": around.answer if report.can_be_fetched else "",
        "explorer": transaction_url(report, around),
    }
    return {name: url for name, url in links.items() if url}


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hexadecimal(raw: bytes | memoryview) -> str:
    return "0x" + bytes(raw).hex()


def sha256(digest: bytes | memoryview) -> str:
    return "sha256:" + bytes(digest).hex()
