"""A payment's document with what this site adds to it: its addresses, and the chain's terms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from payments import documents
from payments.documents import Surroundings
from payments.models import Payment
from payments.reports.one_payment import PaymentReport, receipts_of
from payments.wiring.bounds import dispute_terms
from payments.wiring.networks import confirmations, explorer_url
from payments.wiring.site import public_url


def status_of(report: PaymentReport, around: Surroundings) -> dict[str, Any]:
    """All that a program may know of a payment, whichever way it asks."""
    signed = {"receipts": documents.receipt_versions(receipts_of(report.payment.pk))}
    return documents.status_document(report, around) | signed


def surroundings(report: PaymentReport) -> Surroundings:
    payment = report.payment

    def address(name: str) -> str:
        return public_url(reverse(name, args=[str(payment.pk)]))

    return Surroundings(
        page=address("payment"),
        receipt=address("payment-receipt"),
        answer=address("payment-answer"),
        part=address("payment-part"),
        refund=public_url(reverse("api-refunds")) if _is_in_time(payment) else "",
        explorer_url=explorer_url(payment.network),
        confirmations_needed=confirmations(payment.network),
    )


def _is_in_time(payment: Payment) -> bool:
    days = dispute_terms().window_days
    return timezone.now() <= payment.created_at + timedelta(days=days)
