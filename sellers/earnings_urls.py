"""What a seller earned, mounted at /sell/earnings."""

from __future__ import annotations

from django.urls import path

from sellers.pages import buyers, earnings, earnings_files

urlpatterns = [
    path("", earnings.earnings, name="sell-earnings"),
    path("buyers", buyers.who_paid, name="sell-buyers"),
    path("payments.csv", earnings_files.sales_file, name="sell-earnings-file"),
    path("statements/<str:month>", earnings_files.statement, name="sell-statement"),
    path("payments/<uuid:payment_id>", earnings.payment, name="sell-payment"),
]
