"""What people and programs reported about listings, until somebody has looked at each."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from marketplace.access import moderator_only
from marketplace.moderation.judges import judge_of
from marketplace.moderation.views import said
from sellers import reports
from sellers.models import Report
from sellers.refusals import ListingRefused
from sellers.site import review_rules

SHOWN_MAX = 100


@never_cache
@moderator_only
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """The open reports, the oldest first."""
    found = list(reports.waiting()[: SHOWN_MAX + 1])
    context = {
        "reports": found[:SHOWN_MAX],
        "more": len(found) > SHOWN_MAX,
        **said(judge_of(request), review_rules()),
    }
    return render(request, "moderation/reports.html", context)


@moderator_only
@require_POST
def close(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """Put one away, with what was found."""
    try:
        report = reports.close(report_id, request.POST.get("note", ""), judge_of(request))
    except Report.DoesNotExist:
        raise Http404 from None
    except ListingRefused as refused:
        messages.error(request, f"Not closed: {refused.message}.")
    else:
        messages.success(request, f"The report about {report.listing.path} is closed.")
    return redirect("moderation-reports")
