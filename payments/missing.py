"""What is answered where there is no payment, or no receipt of it yet."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from payments.reports.one_payment import PaymentReport
from payments.serving.cross_origin import readable
from payments.serving.page_or_json import fresh, is_person

RETRY_SECONDS: Final = 2  # about a block of the quicker chains


def no_receipt_yet(report: PaymentReport) -> HttpResponse:
    problem = {
        "error": "no_receipt",
        "detail": "There is no receipt for this payment: one is signed once the chain has buried"
        f" the money deep enough. The payment is: {report.words.text}.",
        "payment": str(report.payment.pk),
    }
    response = readable(JsonResponse(problem, status=404))
    if report.is_waiting or report.words.key == "paid":
        response["Retry-After"] = str(RETRY_SECONDS)
    return fresh(response)


def not_found(request: HttpRequest) -> HttpResponse:
    if is_person(request):
        return fresh(render(request, "payments/unknown.html", status=404))
    problem = {"error": "unknown_payment", "detail": "There is no payment with this id here."}
    return fresh(readable(JsonResponse(problem, status=404)))
