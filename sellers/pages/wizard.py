"""The steps from an address to a listing. Every request saves first; nothing typed is lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sellers.drafting import draft_fields, worksheets
from sellers.drafting.forms import form_of, typed_in
from sellers.drafting.steps import BY_SLUG, REVIEW, Step, first_unfinished, lacks
from sellers.drafting.worksheets import Saved
from sellers.models import Seller, Worksheet
from sellers.pages import step_fields
from sellers.pages.own import own_worksheet, seller_only
from sellers.pages.reviewing import review
from sellers.pages.step_acts import act
from sellers.pages.step_page import both, shown
from sellers.payouts.payouts import standing
from sellers.refusals import ListingRefused
from sellers.site import Site, this_site


@seller_only
@require_safe
def draft(request: HttpRequest, seller: Seller, worksheet_id: UUID) -> HttpResponse:
    """Go on where the draft lacks something."""
    sheet = own_worksheet(seller, worksheet_id)
    return redirect("sell-step", sheet.pk, first_unfinished(sheet, this_site()))


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, seller: Seller, worksheet_id: UUID, slug: str) -> HttpResponse:
    """One step of the draft."""
    sheet, site = own_worksheet(seller, worksheet_id), this_site()
    if slug == REVIEW:
        return review(request, sheet, site)
    if slug not in BY_SLUG:
        raise Http404
    here = BY_SLUG[slug]
    if request.method != "POST":
        return shown(request, sheet, here, site)
    posted = request.POST
    try:
        saved = _saved(sheet, here, posted, site)
    except ListingRefused as refused:  # too long to be kept
        return shown(request, sheet, here, site, refused=refused, posted=posted, status=422)
    if saved.conflicts:
        return shown(request, saved.worksheet, here, site, saved=saved, posted=posted, status=409)
    return act(request, saved.worksheet, here, site)


@seller_only
@require_POST
def autosave(request: HttpRequest, seller: Seller, worksheet_id: UUID, slug: str) -> HttpResponse:
    """Keep what is in the fields now; the small answer says so, or shows both texts."""
    sheet, site = own_worksheet(seller, worksheet_id), this_site()
    if slug not in BY_SLUG:
        raise Http404
    try:
        saved = _saved(sheet, BY_SLUG[slug], request.POST, site)
    except ListingRefused as refused:
        context = {"sheet": sheet, "tab": step_fields.tab(request.POST), "trouble": refused.message}
        return render(request, "sellers/_saved.html", context, status=422)
    form = form_of(slug, saved.worksheet.typed, site)
    conflicts = both(saved, form, request.POST)
    context = {
        "sheet": saved.worksheet,
        "tab": step_fields.tab(request.POST),
        "conflicts": conflicts,
        "version": step_fields.version(request.POST) if conflicts else saved.worksheet.version,
        "saved": True,
        "lacking": lacks(saved.worksheet, BY_SLUG[slug], site),
        "notes": [f"{each.label}: {each.help_text}" for each in form] if slug == "price" else [],
    }
    return render(request, "sellers/_saved.html", context, status=409 if conflicts else 200)


@seller_only
@require_POST
def discard(request: HttpRequest, seller: Seller, worksheet_id: UUID) -> HttpResponse:
    """Throw a draft away; a listing it would have changed stays as it is."""
    worksheets.discard(own_worksheet(seller, worksheet_id))
    messages.success(request, "The draft is gone.")
    return redirect("sell-home")


def _saved(sheet: Worksheet, here: Step, posted: QueryDict, site: Site) -> Saved:
    form = form_of(here.slug, sheet.typed, site, standing(sheet.seller))
    given: dict[str, Any] = typed_in(form, posted)
    if here.slug == "shape" and "rows" in posted:
        given["rows"] = step_fields.rows(posted)
    # Who has seen both texts may write over the other one.
    version = sheet.version if posted.get("overwrite") else step_fields.version(posted)
    return draft_fields.keep(sheet, given, version=version, tab=step_fields.tab(posted))
