"""What the buttons of a step do, now that everything typed is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from sellers.bells import ring_for_look
from sellers.drafting import worksheets
from sellers.drafting.input_rows import Unsayable
from sellers.drafting.steps import STEPS, TRY, Step, lacks
from sellers.drafting.typed import example_of, input_schema_of, path_names, pretty, typed_rows
from sellers.models import Worksheet
from sellers.pages import step_fields
from sellers.pages.step_page import shown
from sellers.profile import logos
from sellers.refusals import ListingRefused, bad
from sellers.secrets import SecretsUnavailable, Vault
from sellers.site import Site
from sellers.upstreams import looks


def act(request: HttpRequest, sheet: Worksheet, here: Step, site: Site) -> HttpResponse:
    """Do what the pressed button says, now that everything is saved."""
    action, _, subject = request.POST.get("action", "next").partition(":")
    posted: QueryDict = request.POST
    try:
        if action in ("next", "save", "look"):
            posted = _with_all_kept(request, sheet, here, site)
        match action:
            case "look":
                job = looks.ask(sheet, site)
                transaction.on_commit(lambda: ring_for_look(job.pk))
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
                worksheets.put(sheet, {"rows": step_fields.rows(posted, but=subject)})
            case "as-json":
                worksheets.put(sheet, _as_json(sheet))
            case "as-rows":
                worksheets.put(sheet, _as_rows(sheet))
            case "use-sample":
                worksheets.put(sheet, looks.sample_fields(sheet))
            case "save":
                pass
            case _:
                if refused := lacks(sheet, here, site):
                    raise refused
                return redirect("sell-step", sheet.pk, _after(here))
    except ListingRefused as refused:
        return shown(request, sheet, here, site, refused=refused, posted=posted, status=422)
    return redirect("sell-step", sheet.pk, here.slug)


def _after(here: Step) -> str:
    slugs = [each.slug for each in STEPS]
    return [*slugs, TRY][slugs.index(here.slug) + 1]


def _with_all_kept(request: HttpRequest, sheet: Worksheet, here: Step, site: Site) -> QueryDict:
    """Keep a header or a picture that was given without its own button; the other fields.

    No page fills these two in again: what is not kept now is lost.
    """
    posted = request.POST.copy()
    if here.slug == "endpoint" and (posted.get("secret_name") or posted.get("secret_value")):
        _keep_secret(sheet, posted, site)
        posted["secret_name"] = ""
    elif here.slug == "words" and "logo_file" in request.FILES:
        _keep_logo(request, sheet)
    else:
        return posted
    sheet.refresh_from_db()
    return posted


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
    try:
        return typed_rows({} if schema is None else schema, example, path_names(sheet.typed))
    except Unsayable as unsayable:
        raise bad("input_schema", f"rows cannot say this: {unsayable}") from unsayable
