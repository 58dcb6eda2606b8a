"""The page of one step: its fields, and beside them what another tab saved meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from sellers.drafting.forms import TYPE_WORDS, complain, form_of, typed_in
from sellers.drafting.steps import Step, missing_secrets
from sellers.drafting.typed import path_names, pretty
from sellers.drafting.worksheets import Saved, given_here
from sellers.models import Worksheet
from sellers.pages import step_fields
from sellers.pages.looking import look_context
from sellers.pages.payouts import prove_context
from sellers.pages.trying import way
from sellers.payouts.payouts import standing
from sellers.refusals import ListingRefused
from sellers.site import Site


def shown(
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
    """A step's page: what is saved, or what is in the fields now and why it cannot be kept."""
    payouts = standing(sheet.seller)
    typed = dict(sheet.typed)
    if posted is not None:  # what is in the fields now, saved or not
        typed |= typed_in(form_of(here.slug, typed, site, payouts), posted)
        typed |= {"rows": step_fields.rows(posted)} if "rows" in posted else {}
    form = form_of(here.slug, typed, site, payouts)
    if refused is not None:
        complain(form, refused)
    context: dict[str, Any] = {
        "sheet": sheet,
        "seller": sheet.seller,
        "here": here,
        "form": form,
        "steps": way(sheet, here.slug, site),
        "tab": secrets.token_hex(8),
        "version": sheet.version,
        "conflicts": both(saved, form, posted) if saved else [],
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
        url = str(typed.get("upstream_url", ""))
        given, missing = given_here(sheet, url), missing_secrets(sheet)
        return {
            "secrets": [
                {"name": name, "given": name in given, "missing": name in missing}
                for name in typed.get("secret_headers", [])
            ],
            "secret_name": posted.get("secret_name", "") if posted else "",
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
    """The rows, with one for every path parameter of the address, those first.

    A second row of the same name stays: only who typed it may take it out.
    """
    others = [dict(row) for row in typed.get("rows", [])]
    path = []
    for name in path_names(typed):
        same = [row for row in others if row.get("name") == name]
        same.sort(key=lambda row: row.get("in") != "path")
        row = same[0] if same else {"name": name, "type": "string"}
        others = [each for each in others if each is not row]
        path.append({**row, "in": "path", "fixed": True, "required": "on"})
    return [*path, *others]


def both(saved: Saved, form: forms.Form, posted: QueryDict | None) -> list[dict[str, str]]:
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
