"""Reports about a listing, from anybody: a page with a form, and the same in JSON for programs."""

from __future__ import annotations

from typing import Any, Final

import orjson
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from marketplace.accounts import throttle
from sellers.models import Listing, Report
from sellers.models.reviews import REPORT_CHARACTERS_MAX
from sellers.refusals import ListingRefused, Why
from sellers.reviews import reports
from sellers.site import report_limits

_TOO_OFTEN: Final = "Too many reports came from your network. Wait a quarter of an hour."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, seller: str, slug: str) -> HttpResponse:
    """Say what is wrong with a listing; no account is needed, and none is written down."""
    listing = _reportable(seller, slug)
    if request.method != "POST":
        return _form(request, listing)
    typed = {name: request.POST.get(name, "") for name in ("about", "text")}
    if not throttle.may_report(request):
        return _form(request, listing, typed, _TOO_OFTEN, status=429)
    try:
        reports.file(listing, typed["about"], typed["text"], report_limits())
    except ListingRefused as refused:
        status = 429 if refused.why is Why.TOO_MANY else 422
        return _form(
            request, listing, typed, f"Not sent: {refused.message}.", refused.field, status
        )
    return render(request, "catalog/reported.html", _named(listing))


@csrf_exempt
@never_cache
@require_POST
def for_programs(request: HttpRequest, seller: str, slug: str) -> HttpResponse:
    """The same in JSON: `{"about": "wrong", "text": "…"}` is answered with 201."""
    listing = _reportable(seller, slug)
    # A form of another site cannot send this type without being asked for: nothing is forged.
    if request.content_type != "application/json":
        return _refused(415, "send JSON, with Content-Type: application/json")
    if not throttle.may_report(request):
        return _refused(429, _TOO_OFTEN)
    try:
        said = orjson.loads(request.body)
        about, text = said["about"], said["text"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        about = text = None
    if not isinstance(about, str) or not isinstance(text, str):
        return _refused(400, 'send an object such as {"about": "wrong", "text": "what happened"}')
    try:
        report = reports.file(listing, about, text, report_limits())
    except ListingRefused as refused:
        status = 429 if refused.why is Why.TOO_MANY else 400
        return _refused(status, refused.message, field=refused.field)
    return JsonResponse({"id": str(report.pk), "listing": listing.path, "open": True}, status=201)


def _reportable(seller: str, slug: str) -> Listing:
    listing = reports.reportable(f"{seller}/{slug}")
    if listing is None:
        raise Http404
    return listing


def _form(
    request: HttpRequest,
    listing: Listing,
    typed: dict[str, str] | None = None,
    trouble: str = "",
    field: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        **_named(listing),
        "abouts": Report.About.choices,
        "typed": typed or {},
        "trouble": trouble,
        "field": field,
        "characters_max": REPORT_CHARACTERS_MAX,
    }
    response = render(request, "catalog/report.html", context, status=status)
    return _when_again(response)


def _named(listing: Listing) -> dict[str, Any]:
    assert listing.live_revision is not None  # only what was sold is reported
    return {"listing": listing, "title": listing.live_revision.terms["title"]}


def _refused(status: int, error: str, **more: str) -> HttpResponse:
    named = {name: value for name, value in more.items() if value}
    return _when_again(JsonResponse({"error": error, **named}, status=status))


def _when_again(response: HttpResponse) -> HttpResponse:
    if response.status_code == 429:
        response["Retry-After"] = str(settings.SIGN_IN_SECONDS)
    return response
