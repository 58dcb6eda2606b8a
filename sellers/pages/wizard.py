"""The steps from an address to a listing. Every request saves first; nothing typed is lost."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sellers import logos, looks, worksheets
from sellers.checklist import checks_of, preflight
from sellers.finishing import submit, terms_of
from sellers.forms import TYPE_WORDS, complain, form_of, typed_in
from sellers.models import SLUG_CHARACTERS_MAX, Seller, Worksheet
from sellers.pages.looking import ask_for_look, look_context
from sellers.pages.own import own_worksheet, seller_only
from sellers.pages.payouts import prove_context
from sellers.payouts import standing
from sellers.refusals import ListingRefused, bad
from sellers.secrets import SecretsUnavailable, Vault
from sellers.site import Site, this_site
from sellers.steps import BY_SLUG, REVIEW, STEPS, Step, first_unfinished, lacks, step_of
from sellers.typed import example_of, input_schema_of, path_names, pretty, typed_input
from sellers.worksheets import Saved

TAB = re.compile(r"[0-9a-f]{16}")
_ROW = re.compile(r"row-(\d{1,3})-(name|in|type|required|example|about)")


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
        return _review(request, sheet, site)
    if slug not in BY_SLUG:
        raise Http404
    here = BY_SLUG[slug]
    if request.method != "POST":
        return _shown(request, sheet, here, site)
    posted = request.POST
    try:
        saved = _saved(sheet, here, posted, site)
    except ListingRefused as refused:  # too long to be kept
        return _shown(request, sheet, here, site, refused=refused, posted=posted, status=422)
    if saved.conflicts:
        return _shown(request, saved.worksheet, here, site, saved=saved, posted=posted, status=409)
    return _acted(request, saved.worksheet, here, site)


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
        context = {"sheet": sheet, "tab": _tab(request.POST), "trouble": refused.message}
        return render(request, "sellers/_saved.html", context, status=422)
    form = form_of(slug, saved.worksheet.typed, site)
    conflicts = _both(saved, form, request.POST)
    context = {
        "sheet": saved.worksheet,
        "tab": _tab(request.POST),
        "conflicts": conflicts,
        "version": _version(request.POST) if conflicts else saved.worksheet.version,
        "saved": True,
        "lacking": lacks(saved.worksheet, BY_SLUG[slug], site),
        "notes": [f"{each.label}: {each.help_text}" for each in form] if slug == "price" else [],
    }
    return render(request, "sellers/_saved.html", context, status=409 if conflicts else 200)


@seller_only
@require_POST
def discard(request: HttpRequest, seller: Seller, worksheet_id: UUID) -> HttpResponse:
    """Throw a draft away; a listing it would have changed stays as it is."""
    own_worksheet(seller, worksheet_id).delete()
    messages.success(request, "The draft is gone.")
    return redirect("sell-home")


def _saved(sheet: Worksheet, here: Step, posted: QueryDict, site: Site) -> Saved:
    form = form_of(here.slug, sheet.typed, site, standing(sheet.seller))
    given: dict[str, Any] = typed_in(form, posted)
    if here.slug == "shape" and "rows" in posted:
        given["rows"] = _rows(posted)
    if sheet.of_listing:
        given.pop("slug", None)
    if here.slug == "words" and not given.get("slug", "x").strip():
        given["slug"] = slugify(given.get("title", ""))[:SLUG_CHARACTERS_MAX].strip("-")
    if "sample_body" in given and given["sample_body"].strip():
        given["sample_base64"] = ""
    # Who has seen both texts may write over the other one.
    version = sheet.version if posted.get("overwrite") else _version(posted)
    return worksheets.save(sheet, given, version=version, tab=_tab(posted))


def _acted(request: HttpRequest, sheet: Worksheet, here: Step, site: Site) -> HttpResponse:
    """Do what the pressed button says, now that everything is saved."""
    action, _, subject = request.POST.get("action", "next").partition(":")
    try:
        match action:
            case "look":
                ask_for_look(sheet, site)
            case "secret":
                _keep_secret(sheet, request.POST, site)
            case "drop-secret":
                worksheets.drop_secret(sheet, subject)
            case "logo":
                _keep_logo(request, sheet)
            case "drop-logo":
                worksheets.put(sheet, {"logo": ""})
            case "add-row":
                rows = [*sheet.typed.get("rows", []), {"name": "", "type": "string"}]
                worksheets.put(sheet, {"rows": rows})
            case "drop-row":
                kept = [row for row in sheet.typed.get("rows", []) if row.get("name") != subject]
                worksheets.put(sheet, {"rows": kept})
            case "as-json":
                worksheets.put(sheet, _as_json(sheet))
            case "as-rows":
                worksheets.put(sheet, _as_rows(sheet))
            case "use-sample":
                worksheets.put(sheet, looks.sample_fields(sheet))
            case "save":
                pass
            case _:
                return _gone_on(request, sheet, here, site)
    except ListingRefused as refused:
        return _shown(request, sheet, here, site, refused=refused, posted=request.POST, status=422)
    return redirect("sell-step", sheet.pk, here.slug)


def _gone_on(request: HttpRequest, sheet: Worksheet, here: Step, site: Site) -> HttpResponse:
    refused = lacks(sheet, here, site)
    if refused is not None:
        return _shown(request, sheet, here, site, refused=refused, posted=request.POST, status=422)
    slugs = [each.slug for each in STEPS]
    following = [*slugs, REVIEW][slugs.index(here.slug) + 1]
    return redirect("sell-step", sheet.pk, following)


def _keep_secret(sheet: Worksheet, posted: QueryDict, site: Site) -> None:
    try:
        vault = Vault(site.secrets_keys)
    except SecretsUnavailable:
        message = "this marketplace has no key to keep secrets with; tell its operator"
        raise bad("secret_name", message) from None
    worksheets.keep_secret(
        sheet, posted.get("secret_name", ""), posted.get("secret_value", ""), vault
    )


def _keep_logo(request: HttpRequest, sheet: Worksheet) -> None:
    given = request.FILES.get("logo_file")
    if given is None:
        raise bad("logo", "choose a picture first")
    picture = given.read(logos.LOGO_BYTES_MAX + 1)
    worksheets.put(sheet, {"logo": logos.keep(sheet.seller, picture)})


def _as_json(sheet: Worksheet) -> Mapping[str, Any]:
    schema, example = input_schema_of(sheet.typed), example_of(sheet.typed)
    return {
        "input_mode": "json",
        "input_schema": pretty(schema) if schema else "",
        "example": pretty(example) if example else "",
    }


def _as_rows(sheet: Worksheet) -> Mapping[str, Any]:
    schema, example = input_schema_of(sheet.typed), example_of(sheet.typed)
    return {**typed_input(schema or {}, example), "input_mode": "rows"}


def _shown(
    request: HttpRequest,
    sheet: Worksheet,
    here: Step,
    site: Site,
    *,
    refused: ListingRefused | None = None,
    saved: Saved | None = None,
    posted: QueryDict | None = None,
    status: int = 200,
) -> HttpResponse:
    payouts = standing(sheet.seller)
    typed = dict(sheet.typed)
    if posted is not None:  # what is in the fields now, saved or not
        typed |= typed_in(form_of(here.slug, typed, site, payouts), posted)
        typed |= {"rows": _rows(posted)} if "rows" in posted else {}
    form = form_of(here.slug, typed, site, payouts)
    if refused is not None:
        complain(form, refused)
    context: dict[str, Any] = {
        "sheet": sheet,
        "seller": sheet.seller,
        "here": here,
        "form": form,
        "steps": _way(sheet, here.slug, site),
        "tab": secrets.token_hex(8),
        "version": sheet.version,
        "conflicts": _both(saved, form, posted) if saved else [],
        "payouts": payouts,
        **look_context(sheet),
    }
    context |= _more(sheet, here, typed, posted, refused)
    return render(request, f"sellers/steps/{here.slug}.html", context, status=status)


def _more(
    sheet: Worksheet,
    here: Step,
    typed: Mapping[str, Any],
    posted: QueryDict | None,
    refused: ListingRefused | None,
) -> dict[str, Any]:
    if here.slug == "payout":
        return prove_context(sheet.seller, reverse("sell-step", args=[sheet.pk, here.slug]))
    if here.slug == "endpoint":
        names = typed.get("secret_headers", [])
        return {
            "secrets": [{"name": name, "kept": name in sheet.sealed} for name in names],
            "secret_name": posted.get("secret_name", "") if posted and refused else "",
        }
    if here.slug == "shape":
        return {
            "rows": _with_path(typed),
            "types": TYPE_WORDS.items(),
            "has_body": typed.get("method") in ("POST", "PUT", "PATCH"),
            "binary": bool(typed.get("sample_base64")),
        }
    return {}


def _with_path(typed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows, with one for every path parameter of the address, those first."""
    rows = [dict(row) for row in typed.get("rows", [])]
    names = path_names(typed)
    path = [
        {**next((r for r in rows if r.get("name") == name), {"name": name, "type": "string"}),
         "in": "path", "fixed": True, "required": "on"}
        for name in names
    ]  # fmt: skip
    others = [row for row in rows if row.get("name") not in names]
    return [*path, *others]


def _review(request: HttpRequest, sheet: Worksheet, site: Site) -> HttpResponse:
    lacking = [(each, refused) for each in STEPS if (refused := lacks(sheet, each, site))]
    checks, refused = [], None
    if not lacking:
        try:
            terms = terms_of(sheet, site)
            checks = checks_of(sheet, terms, str(sheet.typed.get("slug", "")), site)
        except ListingRefused as late:
            lacking, refused = [(step_of(late.field), late)], late
    ready = bool(checks) and preflight(checks)["valid"]
    if request.method == "POST" and ready:
        try:
            listing = submit(sheet, site)
        except ListingRefused as late:
            lacking = [(step_of(late.field), late)]
        else:
            messages.success(request, "Submitted. A moderator looks at it next.")
            return redirect("sell-listing", listing.slug)
    context = {
        "sheet": sheet,
        "seller": sheet.seller,
        "steps": _way(sheet, REVIEW, site),
        "lacking": lacking,
        "checks": checks,
        "open_checks": [check for check in checks if not check.passed],
        "passed_checks": [check for check in checks if check.passed],
        "ready": ready,
        "refused": refused,
        "call_base_url": site.call_base_url,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "sellers/steps/review.html", context, status=status)


def _way(sheet: Worksheet, current: str, site: Site) -> list[dict[str, Any]]:
    way = [
        {
            "slug": each.slug,
            "title": each.title,
            "done": lacks(sheet, each, site) is None,
            "current": each.slug == current,
        }
        for each in STEPS
    ]
    last = {"slug": REVIEW, "title": "Check and submit", "done": False}
    return [*way, {**last, "current": current == REVIEW}]


def _both(saved: Saved, form: forms.Form, posted: QueryDict | None) -> list[dict[str, str]]:
    """What another tab saved, beside what is in this one's field."""
    return [
        {
            "label": str(form.fields[name].label) if name in form.fields else "Parameters",
            "there": _readable(theirs),
            "here": _readable(posted.get(name, "") if posted else ""),
        }
        for name, theirs in saved.conflicts.items()
    ]


def _readable(value: Any) -> str:
    return value if isinstance(value, str) else pretty(value)


def _rows(posted: QueryDict) -> list[dict[str, str]]:
    """The rows of the table, in order; those without a name stay while they are being typed."""
    found: dict[int, dict[str, str]] = {}
    for name, value in posted.items():
        if match := _ROW.fullmatch(name):
            found.setdefault(int(match[1]), {})[match[2]] = str(value)
    rows = [found[number] for number in sorted(found)]
    return [row for row in rows if any(row.get(key) for key in ("name", "example", "about"))]


def _version(posted: QueryDict) -> int:
    text = posted.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _tab(posted: QueryDict) -> str:
    text = posted.get("tab", "")
    return text if TAB.fullmatch(text) else ""
