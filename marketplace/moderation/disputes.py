"""Disputes that the two sides did not settle: an admin reads the evidence and decides."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from marketplace.access import admin_only, person
from payments import audit_log
from payments.disputes.acts import NoSuchAct, act, words_of
from payments.disputes.cases import DisputeRefused
from payments.disputes.pages import Edges, case_context, list_context
from payments.disputes.states import STILL_OPEN
from payments.models import Case, Dispute, Side
from payments.reports.case_lists import CaseRow, of_everybody, waiting_for_admins
from payments.reports.cases import find_case
from payments.serving.paging import Page
from payments.wallets.payers import has_paid
from sellers.models import Seller

OWN = "nobody decides a case of their own"
VERDICTS = ("order", "reject")  # neither can be taken back
_VIEWS = {"review": "To decide", "open": "Open", "closed": "Closed"}
_STATES = {
    "review": (Case.REVIEW,),
    "open": STILL_OPEN,
    "closed": tuple(set(Case) - set(STILL_OPEN)),
}


@admin_only
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, and everything else."""
    which = request.GET.get("show", "review")
    which = which if which in _VIEWS else "review"

    def cases(_: str, edge: Edges) -> Page[CaseRow]:
        return of_everybody(_STATES[which], edge)

    context = list_context(request.GET, cases)
    context["edges"] = {
        name: href.replace("show=open", f"show={which}") for name, href in context["edges"].items()
    }
    context["which"] = which
    context["tabs"] = [
        {
            "label": label,
            "href": f"?show={key}",
            "current": key == which,
            "count": waiting_for_admins() if key == "review" else None,
        }
        for key, label in _VIEWS.items()
    ]
    names = dict(
        Seller.objects.filter(pk__in=[row.seller_id for row in context["rows"]]).values_list(
            "pk", "name"
        )
    )
    context["rows"] = [(row, names.get(row.seller_id, "")) for row in context["rows"]]
    return render(request, "moderation/disputes.html", context)


@admin_only
@require_safe
def show(request: HttpRequest, dispute_id: UUID) -> HttpResponse:
    """One dispute: what both sides say, and what the books and the chain say."""
    return _shown(request, _case(dispute_id))


@admin_only
@require_POST
def do(request: HttpRequest, dispute_id: UUID, what: str) -> HttpResponse:
    """Order the refund or close the case, once it was asked whether that is meant; or add words."""
    dispute = _case(dispute_id)
    if _is_party(request, dispute):
        return _shown(request, dispute, OWN, what)
    try:
        if what in VERDICTS and request.POST.get("sure") != "yes":
            text = words_of(dispute, Side.ADMIN, what, request.POST)
            return _shown(request, dispute, what=what, asks=text)
        messages.success(request, _acted(request, dispute, what))
    except NoSuchAct:
        raise Http404 from None
    except DisputeRefused as refused:
        return _shown(request, _case(dispute_id), refused.message, what)
    return redirect("moderation-dispute", dispute_id)


@transaction.atomic
def _acted(request: HttpRequest, dispute: Dispute, what: str) -> str:
    """The step and its line in the audit log: both are there, or neither."""
    before = dispute.state
    done = act(dispute, Side.ADMIN, what, request.POST.dict())
    audit_log.record(
        f"user:{person(request).pk}",
        f"dispute.{what}",
        f"dispute:{dispute.pk}",
        before={"state": before},
        after={"state": dispute.state, "version": dispute.version},
        why=request.POST.get("text", ""),
    )
    return done


def _case(dispute_id: UUID) -> Dispute:
    dispute = find_case(dispute_id)
    if dispute is None:
        raise Http404
    return dispute


def _is_party(request: HttpRequest, dispute: Dispute) -> bool:
    mine = Seller.objects.filter(pk=dispute.seller_id, owner=person(request)).exists()
    return mine or has_paid(person(request), dispute.payment)


def _shown(
    request: HttpRequest, dispute: Dispute, trouble: str = "", what: str = "", asks: str = ""
) -> HttpResponse:
    """The case; with words that nobody has sent yet, it asks whether they are meant."""
    context = case_context(dispute, Side.ADMIN, request.POST, trouble, what)
    context["asks"] = asks
    context["is_party"] = _is_party(request, dispute)
    context["seller"] = Seller.objects.filter(pk=dispute.seller_id).first()
    status = 422 if trouble else 200
    return render(request, "moderation/dispute.html", context, status=status)
