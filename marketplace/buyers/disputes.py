"""A buyer's disputes: opened from a receipt, followed, and taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.access import person, signed_in
from payments.amounts import Amount
from payments.disputes.acts import NoSuchAct, act
from payments.disputes.cases import DisputeRefused, Request, latest_of, open_dispute, why_not
from payments.disputes.pages import case_context, list_context
from payments.models import Dispute, Reason, Side
from payments.models.disputes import WORDS_CHARACTERS_MAX
from payments.models.fields import ATOMIC_DIGITS
from payments.reports.case_lists import of_payers
from payments.reports.cases import find_case
from payments.reports.one_payment import PaymentReport, payment_report
from payments.wallets.payers import has_paid, payers_of
from payments.wiring.bounds import dispute_terms

DECIMALS_MAX = 18


class DisputeForm(forms.Form):
    """Why money should come back, how much, and in which words."""

    reason = forms.ChoiceField(
        label="What is wrong",
        choices=[("", "Choose what fits best"), *Reason.choices],
    )
    amount = forms.DecimalField(
        label="How much should come back",
        min_value=Decimal(0),
        max_digits=ATOMIC_DIGITS + DECIMALS_MAX,
        decimal_places=DECIMALS_MAX,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    text = forms.CharField(
        label="What happened",
        help_text="The seller reads it and, if you two do not agree, an admin of this marketplace.",
        required=False,
        max_length=WORDS_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


@signed_in
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every dispute about what the account's wallets paid."""
    payers = payers_of(person(request))
    context = list_context(
        request.GET, lambda which, edge: of_payers(payers, which, edge), usual="all"
    )
    return render(request, "buyers/disputes.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, payment_id: UUID) -> HttpResponse:
    """Say what is wrong with one payment."""
    report = payment_report(payment_id)
    if report is None or not has_paid(person(request), report.payment):
        raise Http404
    known = latest_of(payment_id)
    if known is not None and known.closed_at is None:
        return redirect("buy-dispute", known.pk)
    left = int(report.payment.amount_atomic) - report.refunded_atomic
    most = Amount.of(report.payment.network, report.payment.asset, max(0, left))
    form = DisputeForm(request.POST or None, initial={"amount": most.text.partition(" ")[0]})
    if request.method == "POST" and form.is_valid():
        try:
            opened = _opened(report, form.cleaned_data)
        except DisputeRefused as refused:
            form.add_error(None, f"{refused.message[0].upper()}{refused.message[1:]}.")
        else:
            messages.success(request, "The dispute is open; the seller is told.")
            return redirect("buy-dispute", opened.pk)
    context = {
        "form": form,
        "payment": report.payment,
        "paid": Amount.of(
            report.payment.network, report.payment.asset, int(report.payment.amount_atomic)
        ),
        "most": most,
        "refused": why_not(report.payment, report.progress),
        "terms": dispute_terms(),
    }
    status = 422 if form.errors else 200
    return render(request, "buyers/dispute_new.html", context, status=status)


def _opened(report: PaymentReport, said: dict[str, Any]) -> Dispute:
    decimals = Amount.of(report.payment.network, report.payment.asset, 0).decimals or 0
    asked = Request(
        Reason(said["reason"]),
        int(said["amount"].scaleb(decimals).to_integral_value(rounding="ROUND_HALF_EVEN")),
        said["text"],
    )
    return open_dispute(report.payment, asked)


@signed_in
@require_safe
def show(request: HttpRequest, dispute_id: UUID) -> HttpResponse:
    """One dispute as its buyer sees it."""
    return _shown(request, _own(request, dispute_id))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def do(request: HttpRequest, dispute_id: UUID, what: str) -> HttpResponse:
    """Take it back, add something, or name the transaction of the refund.

    Whoever comes back here by signing in again finds the form at the case.
    """
    dispute = _own(request, dispute_id)
    if request.method != "POST":
        return redirect("buy-dispute", dispute_id)
    try:
        messages.success(request, act(dispute, Side.PAYER, what, request.POST.dict()))
    except NoSuchAct:
        raise Http404 from None
    except DisputeRefused as refused:
        return _shown(request, _own(request, dispute_id), refused.message, what)
    return redirect("buy-dispute", dispute_id)


def _own(request: HttpRequest, dispute_id: UUID) -> Dispute:
    dispute = find_case(dispute_id)
    if dispute is None or not has_paid(person(request), dispute.payment):
        raise Http404
    return dispute


def _shown(
    request: HttpRequest, dispute: Dispute, trouble: str = "", what: str = ""
) -> HttpResponse:
    context = case_context(dispute, Side.PAYER, request.POST, trouble, what)
    status = 422 if trouble else 200
    return render(request, "buyers/dispute.html", context, status=status)
