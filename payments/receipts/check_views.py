"""`/p/<id>/check`: a receipt held against its signature and the payment, by this very server.

For browsers that cannot check a signature themselves. The page says whose word it is.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from payments.ids import read_id
from payments.missing import no_receipt_yet, not_found
from payments.receipts.checks import Check, what_it_says
from payments.receipts.issuing import VerifiedReceipt, verify
from payments.receipts.signing import BadSignature
from payments.reports.one_payment import PaymentReport, latest_receipt, payment_report
from payments.serving.page_or_json import fresh
from payments.wiring.keys import receipt_key_document
from payments.written import hexadecimal


@require_safe
def check(request: HttpRequest, payment: str) -> HttpResponse:
    """What this server finds when it verifies the receipt that holds."""
    payment_id = read_id(payment)
    report = payment_report(payment_id) if payment_id else None
    if report is None:
        return not_found(request)
    stored = latest_receipt(report.payment.pk)
    if stored is None:
        return no_receipt_yet(report)
    checks = _checks(report, stored.jws)
    context = {"checks": checks, "payment_id": report.payment.pk, "good": _all_good(checks)}
    part = bool(getattr(request, "htmx", False))
    name = "payments/_checked.html" if part else "payments/checked.html"
    return fresh(render(request, name, context))


def _checks(report: PaymentReport, jws: str) -> list[Check]:
    try:
        receipt = verify(jws, receipt_key_document())
    except BadSignature as forged:
        return [Check("signature", False, str(forged))]
    signed = Check("signature", True, f"signed by {receipt.kid}")
    return [signed, what_it_says(receipt), _same_payment(report, receipt)]


def _same_payment(report: PaymentReport, receipt: VerifiedReceipt) -> Check:
    """Whether the receipt speaks of the payment on the page, field by field."""
    payment, said = report.payment, receipt.statement
    facts = {
        "payment": str(payment.pk),
        "network": payment.network,
        "payer": payment.payer,
        "payTo": payment.pay_to,
        "amount": str(int(payment.amount_atomic)),
        "nonce": hexadecimal(payment.nonce),
    }
    other = [name for name, value in facts.items() if said.get(name) != value]
    if other:
        return Check("payment", False, f"the receipt differs from the payment: {', '.join(other)}")
    return Check("payment", True, "it is about this very payment: payer, payee, amount and nonce")


def _all_good(checks: list[Check]) -> bool:
    return all(each.passed for each in checks)
