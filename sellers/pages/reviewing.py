"""The last step of a draft: its checklist, and sending it in for review."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from sellers.drafting.finishing import terms_of, withdraws
from sellers.drafting.steps import REVIEW, STEPS, Step, lacks, step_of
from sellers.grading.checks import Check, preflight
from sellers.models import Worksheet
from sellers.pages.own import acting
from sellers.pages.trying import way
from sellers.refusals import ListingRefused, Why
from sellers.reviews import submitting
from sellers.reviews.times import usual_wait
from sellers.site import Site, verify_limits

SUBMITTED = "Submitted. A moderator looks at it next."
NOTHING_WAITS = "Nothing of it waits for review now; what is sold stays as it is."


def review(request: HttpRequest, sheet: Worksheet, site: Site) -> HttpResponse:
    """What the draft lacks, its checklist, and the button that sends it in."""
    lacking = [(each, refused) for each in STEPS if (refused := lacks(sheet, each, site))]
    checks, refused = [], None
    if not lacking:
        try:
            checks = _checks(sheet, site, asked=request.method == "POST")
        except ListingRefused as late:
            lacking, refused = _standing(late), late
    ready = bool(checks) and preflight(checks)["valid"]
    submits = request.method == "POST" and request.POST.get("action") != "check"
    takes_back = ready and withdraws(sheet, terms_of(sheet, site))
    if submits and ready:
        try:
            listing = submitting.submit_checked(sheet, checks, site, by=acting(request))
        except ListingRefused as late:
            lacking, refused = _standing(late), late
        else:
            messages.success(request, SUBMITTED if listing.submitted_at else NOTHING_WAITS)
            return redirect("sell-listing", listing.slug)
    context = {
        "sheet": sheet,
        "seller": sheet.seller,
        "steps": way(sheet, REVIEW, site),
        "lacking": lacking,
        "checks": checks,
        "was_asked": request.method == "POST" and verify_limits().asks_itself,
        "open_checks": [check for check in checks if not check.passed],
        "passed_checks": [check for check in checks if check.passed],
        "ready": ready,
        "refused": None if lacking else refused,
        "elsewhere": _elsewhere(refused, sheet) if refused else None,
        "takes_back": takes_back,
        "call_base_url": site.call_base_url,
        "usual_wait": usual_wait(),
    }
    return render(request, "sellers/steps/review.html", context, status=422 if submits else 200)


def _standing(refused: ListingRefused) -> list[tuple[Step, ListingRefused]]:
    """With the step on which it is mended, where it is one field's."""
    step = step_of(refused.field)
    return [(step, refused)] if refused.field.partition(":")[0] in step.fields else []


def _elsewhere(refused: ListingRefused, sheet: Worksheet) -> tuple[str, str] | None:
    """The page on which something is done about what no step can mend."""
    if refused.why is Why.TERMS_CHANGED:
        return reverse("sell-terms"), "Read and accept them"
    if sheet.of_listing:
        return reverse("sell-listing", args=[sheet.typed["slug"]]), "Open the listing"
    return None


def _checks(sheet: Worksheet, site: Site, *, asked: bool) -> list[Check]:
    """The checklist; a button has the draft's own preview asked as graders will ask."""
    return submitting.of_draft(sheet, site) if asked else submitting.by_terms(sheet, site)
