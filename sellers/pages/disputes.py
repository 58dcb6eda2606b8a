"""A seller's disputes: who wants money back, and the answer to it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from payments.disputes.acts import NoSuchAct, act
from payments.disputes.cases import DisputeRefused
from payments.disputes.pages import case_context, list_context
from payments.models import Dispute, Side
from payments.reports.case_lists import of_seller
from payments.reports.cases import find_case
from sellers.models import Seller
from sellers.pages.own import seller_only
from sellers.payouts.payouts import wallets_of


@seller_only
@require_safe
def index(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Every dispute about what was sold; first those that are open."""
    context = list_context(request.GET, lambda which, edge: of_seller(seller.pk, which, edge))
    return render(request, "sellers/disputes.html", context)


@seller_only
@require_safe
def show(request: HttpRequest, seller: Seller, dispute_id: UUID) -> HttpResponse:
    """One dispute as its seller sees it."""
    return _shown(request, _own(seller, dispute_id))


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def do(request: HttpRequest, seller: Seller, dispute_id: UUID, what: str) -> HttpResponse:
    """Promise the refund, contest it, add something, or name its transaction.

    Whoever comes back here by signing in again finds the form at the case.
    """
    dispute = _own(seller, dispute_id)
    if request.method != "POST":
        return redirect("sell-dispute", dispute_id)
    try:
        messages.success(request, act(dispute, Side.SELLER, what, request.POST.dict()))
    except NoSuchAct:
        raise Http404 from None
    except DisputeRefused as refused:
        return _shown(request, _own(seller, dispute_id), refused.message, what)
    return redirect("sell-dispute", dispute_id)


def _own(seller: Seller, dispute_id: UUID) -> Dispute:
    dispute = find_case(dispute_id)
    if dispute is None or dispute.seller_id != seller.pk:
        raise Http404
    return dispute


def _shown(
    request: HttpRequest, dispute: Dispute, trouble: str = "", what: str = ""
) -> HttpResponse:
    context = case_context(dispute, Side.SELLER, request.POST, trouble, what)
    payment = dispute.payment
    senders = {payment.pay_to, *wallets_of(dispute.seller_id, payment.network)}
    context["senders"] = sorted(senders, key=lambda each: (each != payment.pay_to, each))
    status = 422 if trouble else 200
    return render(request, "sellers/dispute.html", context, status=status)
