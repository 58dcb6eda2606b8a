"""The look at an upstream, as its page shows it while it happens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from payments.live.happenings import Topic, live_query
from sellers.drafting.steps import BY_SLUG, STEPS
from sellers.happenings import LOOK
from sellers.models import Seller, Worksheet
from sellers.pages.own import own_worksheet, seller_only
from sellers.pages.parts import asks_for_part
from sellers.terms import Sample
from sellers.texts import shorten
from sellers.upstreams import looks

ANSWER_CHARACTERS_SHOWN = 2_000


@seller_only
@require_safe
def look(request: HttpRequest, seller: Seller, worksheet_id: UUID) -> HttpResponse:
    """How far the newest look has come: a piece of a page that is asked for until it is over."""
    sheet = own_worksheet(seller, worksheet_id)
    here = BY_SLUG.get(request.GET.get("at", ""), STEPS[0])
    if not asks_for_part(request):
        return redirect("sell-step", sheet.pk, here.slug)
    context = {"sheet": sheet, "here": here, **look_context(sheet)}
    return render(request, "sellers/_look.html", context)


def look_context(sheet: Worksheet) -> dict[str, Any]:
    """The newest look, its steps and its answer."""
    live = live_query(Topic(LOOK, sheet.pk))
    newest = looks.newest(sheet)
    return {"look": newest, "live": live, "answer": _answer(newest.sample) if newest else ""}


def _answer(stored: Any) -> str:
    if not stored:
        return ""
    sample = Sample.from_json(stored)
    if not (sample.is_json or sample.is_text):
        return f"{len(sample.body)} bytes of {sample.media_type}"
    return shorten(sample.body.decode("utf-8", "replace"), ANSWER_CHARACTERS_SHOWN)
