"""The public face of a payment: its status, its receipt, and the key that signs receipts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from payments import documents, wiring
from payments.documents import Surroundings
from payments.happenings import PAYMENT, Topic, live_query
from payments.receipts import statement_of
from payments.reports.one_payment import PaymentReport, latest_receipt, payment_report
from payments.x402.networks import NETWORKS

RETRY_SECONDS = 2  # about a block of the quicker chains


@require_safe
def status(request: HttpRequest, payment: str) -> HttpResponse:
    """One payment as it stands: a page for people, JSON for everybody else."""
    payment_id = read_id(payment)
    live = live_query(Topic(PAYMENT, payment_id)) if payment_id and is_person(request) else ""
    report = payment_report(payment_id) if payment_id else None
    if report is None:
        return _not_found(request)
    around = surroundings(report)
    if is_person(request):
        part = bool(getattr(request, "htmx", False))
        name = "payments/_status.html" if part else "payments/status.html"
        response = render(request, name, _page(report, around) | {"live": live})
    else:
        response = JsonResponse(documents.status_document(report, around))
        response["Access-Control-Allow-Origin"] = "*"
    if report.is_waiting:
        response["Retry-After"] = str(RETRY_SECONDS)
    return _fresh(response)


@require_safe
def receipt(request: HttpRequest, payment: str) -> HttpResponse:
    """The receipt that holds, as a JWS; `?format=json` shows what it says."""
    payment_id = read_id(payment)
    report = payment_report(payment_id) if payment_id else None
    if report is None:
        return _not_found(request)
    stored = latest_receipt(report.payment.pk)
    if stored is None:
        return no_receipt_yet(report)
    if request.GET.get("format") == "json":
        response: HttpResponse = JsonResponse(statement_of(stored.jws))
    else:
        response = HttpResponse(stored.jws, content_type="application/jose")
    response["Access-Control-Allow-Origin"] = "*"
    return _fresh(response)


@require_safe
def did(request: HttpRequest) -> HttpResponse:
    """`/.well-known/did.json`: whose key checks our receipts."""
    response = JsonResponse(wiring.receipt_key_document(), content_type="application/did+json")
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=300"
    return response


def read_id(text: str) -> UUID | None:
    """A payment's id in its one spelling, or None."""
    try:
        payment_id = UUID(text)
    except ValueError:
        return None
    return payment_id if str(payment_id) == text else None


def no_receipt_yet(report: PaymentReport) -> HttpResponse:
    problem = {
        "error": "no_receipt",
        "detail": "There is no receipt for this payment: one is signed once the chain has buried"
        f" the money deep enough. The payment is: {report.words.text}.",
        "payment": str(report.payment.pk),
    }
    response = JsonResponse(problem, status=404)
    if report.is_waiting or report.words.key == "paid":
        response["Retry-After"] = str(RETRY_SECONDS)
    return _fresh(response)


def _not_found(request: HttpRequest) -> HttpResponse:
    if is_person(request):
        return _fresh(render(request, "payments/unknown.html", status=404))
    problem = {"error": "unknown_payment", "detail": "There is no payment with this id here."}
    return _fresh(JsonResponse(problem, status=404))


def is_person(request: HttpRequest) -> bool:
    """Whether a page would be read; a program that does not say what it wants gets JSON."""
    preferred = request.get_preferred_type(["application/json", "text/html"])
    return preferred == "text/html"


def _fresh(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept", "HX-Request"])
    return response


def surroundings(report: PaymentReport) -> Surroundings:
    payment = report.payment

    def address(name: str) -> str:
        return wiring.public_url(reverse(name, args=[str(payment.pk)]))

    return Surroundings(
        page=address("payment"),
        receipt=address("payment-receipt"),
        answer=address("payment-answer"),
        explorer_url=wiring.explorer_url(payment.network),
        confirmations_needed=wiring.confirmations(payment.network),
    )


def _page(report: PaymentReport, around: Surroundings) -> dict[str, Any]:
    payment, document = report.payment, documents.status_document(report, around)
    return {
        "payment": document,
        "words": report.words,
        "is_waiting": report.is_waiting,
        "is_live": report.can_change,
        "amount": documents.amount_of(report),
        "network": NETWORKS.get(payment.network),
        "timeline": report.timeline,
        "answer": report.answer,
        "created_at": payment.created_at,
        "links": document["links"],
    }
