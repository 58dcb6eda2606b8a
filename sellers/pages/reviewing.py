"""The last step of a draft: its checklist, and sending it in for review."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from sellers import verification
from sellers.checks import Check, preflight
from sellers.models import Worksheet
from sellers.pages.own import acting
from sellers.pages.trying import way
from sellers.refusals import ListingRefused
from sellers.site import Site, verify_limits
from sellers.steps import REVIEW, STEPS, lacks, step_of


def review(request: HttpRequest, sheet: Worksheet, site: Site) -> HttpResponse:
    """What the draft lacks, its checklist, and the button that sends it in."""
    lacking = [(each, refused) for each in STEPS if (refused := lacks(sheet, each, site))]
    checks, refused = [], None
    if not lacking:
        try:
            checks = _checks(sheet, site, asked=request.method == "POST")
        except ListingRefused as late:
            lacking, refused = [(step_of(late.field), late)], late
    ready = bool(checks) and preflight(checks)["valid"]
    submits = request.method == "POST" and request.POST.get("action") != "check"
    if submits and ready:
        try:
            listing = verification.submit_checked(sheet, checks, site, by=acting(request))
        except ListingRefused as late:
            lacking = [(step_of(late.field), late)]
        else:
            messages.success(request, "Submitted. A moderator looks at it next.")
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
        "refused": refused,
        "call_base_url": site.call_base_url,
    }
    return render(request, "sellers/steps/review.html", context, status=422 if submits else 200)


def _checks(sheet: Worksheet, site: Site, *, asked: bool) -> list[Check]:
    """The checklist; a button has the draft's own preview asked as graders will ask."""
    return verification.of_draft(sheet, site) if asked else verification.by_terms(sheet, site)
