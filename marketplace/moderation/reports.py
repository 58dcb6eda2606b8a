"""What people and programs reported about listings, until somebody has looked at each."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from marketplace.access import moderator_only
from marketplace.moderation.judges import judge_of
from marketplace.moderation.said import said
from marketplace.moderation.views import Sent, looked_at, shown
from sellers.models import Report
from sellers.refusals import ListingRefused
from sellers.reviews import reports
from sellers.site import review_rules

SHOWN_MAX = 100


@moderator_only
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """The open reports, the oldest first."""
    return _page(request)


def _page(request: HttpRequest, noting: Sent | None = None, status: int = 200) -> HttpResponse:
    found = list(reports.waiting()[: SHOWN_MAX + 1])
    context = {
        "noting": noting,
        "reports": found[:SHOWN_MAX],
        "more": len(found) > SHOWN_MAX,
        **said(judge_of(request), review_rules()),
    }
    return render(request, "moderation/reports.html", context, status=status)


@moderator_only
@require_POST
def close(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """Put one away, with what was found."""
    try:
        report = reports.close(report_id, request.POST.get("note", ""), judge_of(request))
    except Report.DoesNotExist:
        raise Http404 from None
    except ListingRefused as refused:
        return _not_closed(request, Report.objects.get(pk=report_id), refused)
    messages.success(request, f"The report about {report.listing.path} is closed.")
    return redirect(_item(request, report) or "moderation-reports")


def _not_closed(request: HttpRequest, report: Report, refused: ListingRefused) -> HttpResponse:
    """The same page, with what was typed."""
    messages.error(request, f"Not closed: {refused.message}.")
    typed = {"report": str(report.pk), "note": request.POST.get("note", "")}
    if _item(request, report):
        listing = looked_at(report.listing_id)
        return shown(request, listing, noting=Sent(typed), status=422)
    return _page(request, Sent(typed), 422)


def _item(request: HttpRequest, report: Report) -> str:
    """The page of its listing, if the form was sent from there."""
    item = reverse("moderation-item", args=[report.listing_id])
    return item if request.POST.get("next") == item else ""
