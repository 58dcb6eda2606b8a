"""What anybody who knows a payment's id may read of it: for programs and for people.

Never a body, a payment identifier or a signature: those belong to the buyer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from payments.amounts import Amount
from payments.models import Answer, Money, Receipt, Refund
from payments.receipts.issuing import statement_of
from payments.reports.one_payment import PaymentReport
from payments.reports.timeline import TimelineEntry
from payments.states import PAID, Back
from payments.written import hexadecimal, sha256, transaction_page, utc
from payments.x402.networks import NETWORKS
from payments.x402.types import Settlement

REFUNDS_PATH: Final = "/api/refunds"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a payment's page knows beyond the payment: addresses, and the chain's terms."""

    page: str
    receipt: str
    answer: str
    part: str
    refund: str  # where programs ask for money back; empty once the time for that is over
    explorer_url: str
    confirmations_needed: int | None


_HINTS = {
    "at_seller": "The seller is still working on the answer. Do not pay again: look again here.",
    "send_again": "The money has moved or is on its way, and nobody works on the answer any more."
    " Send the same payment to the same address again, soon, with its payment-identifier, or the"
    " same request signed afresh: it is not charged again. Otherwise the seller owes a refund.",
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
    "refunded": "The seller sent the money back to the wallet that paid.",
    "partly_refunded": "The seller sent a part of the money back to the wallet that paid.",
}
_CUT_HINT = " The answer was cut; the buyer can fetch what was passed on of it."


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
        "refunded": {
            "atomic": str(report.refunded_atomic),
            "text": Amount.of(payment.network, payment.asset, report.refunded_atomic).text,
            "transfers": [_transfer_back(each) for each in report.refunds],
        },
        "steps": [_step(each) for each in report.timeline],
        "links": _links(report, around),
    }


def _step(entry: TimelineEntry) -> dict[str, Any]:
    """One entry of the timeline; one that tells of a refund names its transfer."""
    said: dict[str, Any] = {
        "at": utc(entry.at),
        "status": entry.words.key,
        "text": entry.words.text,
        "why": entry.why,
    }
    if entry.back is None:
        return said
    amount = entry.back.amount
    back = {"transaction": entry.back.transaction, "amount": str(amount.atomic)}
    return said | {"refund": back | {"text": amount.text}}


def _transfer_back(refund: Refund) -> dict[str, Any]:
    """One transfer from the seller to the payer; final once the chain has buried it."""
    return {
        "transaction": hexadecimal(refund.transaction),
        "from": refund.sender,
        "amount": str(int(refund.amount_atomic or 0)),
        "block": refund.block_number,
        "confirmed": refund.state == Refund.Found.CONFIRMED,
    }


def settlement(
    payment_id: UUID, payer: str, network: str, amount_atomic: int, transaction: bytes | None,
    page: str, receipt: str | None = None,
) -> Settlement:  # fmt: skip
    """What a buyer is told of the payment that comes with an answer: PAYMENT-RESPONSE.

    The receipt is in it where one is signed: mostly the first answer leaves before.
    """
    own = {"payment": str(payment_id), "status": page, "receipt": f"{page}/receipt"}
    signed = {"info": {"receipt": {"format": "jws", "signature": receipt}}}
    return Settlement(
        success=True,
        payer=payer,
        transaction="" if transaction is None else hexadecimal(transaction),
        network=network,
        amount_atomic=amount_atomic,
        extensions={"souk": own, **({"offer-receipt": signed} if receipt else {})},
    )


def payment_response(
    report: PaymentReport, around: Surroundings, receipts: Sequence[Receipt]
) -> dict[str, object] | None:
    """The header that comes with the answer, decoded; None while no answer may leave."""
    payment = report.payment
    if not report.can_be_fetched:
        return None
    is_final = receipts and report.state.money == Money.CONFIRMED
    return settlement(
        payment.pk, payment.payer, payment.network, int(payment.amount_atomic),
        report.transaction, around.page, receipts[0].jws if is_final else None,
    ).to_wire()  # fmt: skip


def receipt_versions(receipts: Sequence[Receipt]) -> list[dict[str, Any]]:
    """What was signed about a payment, newest first: only the first of them holds."""
    return [
        {
            "version": each.version,
            "issuedAt": utc(each.issued_at),
            "status": str(statement_of(each.jws)["status"]),
            "supersededBy": receipts[0].version if place else None,
        }
        for place, each in enumerate(receipts)
    ]


def hint(report: PaymentReport) -> str:
    return _HINTS[report.words.key] + (_CUT_HINT if report.cut else "")


def amount_of(report: PaymentReport) -> Amount:
    payment = report.payment
    return Amount.of(payment.network, payment.asset, int(payment.amount_atomic))


def transaction_url(report: PaymentReport, around: Surroundings) -> str:
    if report.transaction is None:
        return ""
    return transaction_page(around.explorer_url, hexadecimal(report.transaction))


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
        "part": around.part if report.cut else "",
        "refund": around.refund if _can_be_refunded(report) else "",
        "explorer": transaction_url(report, around),
    }
    return {name: url for name, url in links.items() if url}


def _can_be_refunded(report: PaymentReport) -> bool:
    """As far as everybody may know: whether it is disputed already is told to its buyer alone."""
    return report.state.money in PAID and report.back != Back.WHOLE
