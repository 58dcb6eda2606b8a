"""The public pages of one payment, under `/p/`."""

from __future__ import annotations

from django.urls import path

from payments import views
from payments.handover import answers, parts
from payments.receipts import check_views

urlpatterns = [
    path("<str:payment>", views.status, name="payment"),
    path("<str:payment>/receipt", views.receipt, name="payment-receipt"),
    path("<str:payment>/check", check_views.check, name="payment-check"),
    path("<str:payment>/answer", answers.answer, name="payment-answer"),
    path("<str:payment>/part", parts.part, name="payment-part"),
]
