"""The public face of a payment: its status, its receipt, and the key that signs receipts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from payments import documents
from payments.disputes.cases import latest_of, why_not
from payments.disputes.states import words
from payments.documents import Surroundings
from payments.ids import read_id
from payments.live.happenings import PAYMENT, Topic, live_query
from payments.missing import RETRY_SECONDS, no_receipt_yet, not_found
from payments.models import Case, Receipt
from payments.receipts.issuing import statement_of
from payments.reports.one_payment import (
    PaymentReport,
    latest_receipt,
    payment_report,
    receipt_of_version,
    receipts_of,
    repeats_of,
)
from payments.serving.cross_origin import read_from_anywhere, readable
from payments.serving.page_or_json import fresh, is_person
from payments.states import PAID
from payments.surroundings import status_of, surroundings
from payments.wallets.payers import has_paid
from payments.wiring.keys import receipt_key_document
from payments.wiring.site import public_url
from payments.x402.headers import encode_header
from payments.x402.networks import NETWORKS

VERSION_DIGITS_MAX = 9


@read_from_anywhere
def status(request: HttpRequest, payment: str) -> HttpResponse:
    """One payment as it stands: a page for people, JSON for everybody else."""
    payment_id = read_id(payment)
    live = live_query(Topic(PAYMENT, payment_id)) if payment_id and is_person(request) else ""
    report = payment_report(payment_id) if payment_id else None
    if report is None:
        return not_found(request)
    around = surroundings(report)
    if is_person(request):
        part = bool(getattr(request, "htmx", False))
        name = "payments/_status.html" if part else "payments/status.html"
        context = _page(report, around) | buyers_part(request, report) | {"live": live}
        response = render(request, name, context)
    else:
        response = readable(JsonResponse(status_of(report, around)))
    if report.is_waiting:
        response["Retry-After"] = str(RETRY_SECONDS)
    return fresh(response)


@read_from_anywhere
def receipt(request: HttpRequest, payment: str) -> HttpResponse:
    """The receipt that holds, as a JWS; `?format=json` shows what it says.

    `?version=` gives one that was signed before, and the answer names the one that holds.
    """
    payment_id = read_id(payment)
    report = payment_report(payment_id) if payment_id else None
    if report is None:
        return not_found(request)
    holds = latest_receipt(report.payment.pk)
    stored = _asked_for(request, holds)
    if holds is None or stored is None:
        return no_receipt_yet(report)
    if request.GET.get("format") == "json":
        response: HttpResponse = JsonResponse(statement_of(stored.jws))
    else:
        response = HttpResponse(stored.jws, content_type="application/jose")
        name = f"receipt-{stored.payment_id}.{stored.version}.jws"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
    if stored.version != holds.version:
        response["X-Souk-Superseded-By"] = str(holds.version)
    return fresh(readable(response))


def _asked_for(request: HttpRequest, holds: Receipt | None) -> Receipt | None:
    """The version that is asked for by its number, or else the one that holds."""
    number = request.GET.get("version", "")
    if holds is None or not number:
        return holds
    known = number.isascii() and number.isdigit() and len(number) <= VERSION_DIGITS_MAX
    return receipt_of_version(holds.payment_id, int(number)) if known else None


@read_from_anywhere
def did(request: HttpRequest) -> HttpResponse:
    """`/.well-known/did.json`: whose key checks our receipts."""
    response = JsonResponse(receipt_key_document(), content_type="application/did+json")
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=300"
    return response


def _page(report: PaymentReport, around: Surroundings) -> dict[str, Any]:
    payment, document = report.payment, documents.status_document(report, around)
    receipts = receipts_of(payment.pk)
    return {
        "payment": document,
        "words": report.words,
        "is_waiting": report.is_waiting,
        "is_live": report.can_change,
        "amount": documents.amount_of(report),
        "network": NETWORKS.get(payment.network),
        "timeline": report.timeline,
        "answer": report.answer,
        "cut": report.cut,
        "created_at": payment.created_at,
        "links": document["links"],
        **_payment_response(report, around, receipts),
        "receipts": [
            said | {"issued_at": each.issued_at}
            for said, each in zip(documents.receipt_versions(receipts), receipts, strict=True)
        ],
        "did_url": public_url("/.well-known/did.json"),
    }


def _payment_response(
    report: PaymentReport, around: Surroundings, receipts: Sequence[Receipt]
) -> dict[str, str]:
    """The header as it comes with the answer, and what is in it."""
    wire = documents.payment_response(report, around, receipts)
    if wire is None:
        return {}
    return {"response_header": encode_header(wire), "response_said": json.dumps(wire, indent=2)}


def buyers_part(request: HttpRequest, report: PaymentReport) -> dict[str, Any]:
    """What only whoever paid is shown: the whole request, repeats, and the way to the answer."""
    can_dispute = report.state.money in PAID and not why_not(report.payment, report.progress)
    if not has_paid(request.user, report.payment):
        return {"is_mine": False, "can_dispute": can_dispute}
    answer, known = report.answer, latest_of(report.payment.pk)
    kept = answer is not None and answer.keep_until >= timezone.now().date()
    return {
        "is_mine": True,
        "asked_url": report.payment.url,
        "repeats": repeats_of(report),
        "can_fetch": report.can_be_fetched and kept,
        "dispute": known,
        "dispute_words": words(Case(known.state)) if known else None,
        "can_dispute": can_dispute,
    }
