"""The look at an upstream, as its page shows it while it happens."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from sellers import looks
from sellers.models import Seller, Worksheet
from sellers.pages.own import own_worksheet, seller_only
from sellers.site import Site
from sellers.steps import BY_SLUG, STEPS
from sellers.tasks import look_at_upstream
from sellers.terms import Sample
from sellers.texts import shorten

ANSWER_CHARACTERS_SHOWN = 2_000
logger = logging.getLogger(__name__)


@seller_only
@require_safe
def look(request: HttpRequest, seller: Seller, worksheet_id: UUID) -> HttpResponse:
    """How far the newest look has come: a piece of a page, asked for until it is over."""
    sheet = own_worksheet(seller, worksheet_id)
    here = BY_SLUG.get(request.GET.get("at", ""), STEPS[0])
    if not getattr(request, "htmx", False):
        return redirect("sell-step", sheet.pk, here.slug)
    context = {"sheet": sheet, "here": here, **look_context(sheet)}
    return render(request, "sellers/_look.html", context)


def ask_for_look(sheet: Worksheet, site: Site) -> None:
    """Write the job down, then ring; a bell nobody hears is made up for within seconds."""
    job = looks.ask(sheet, site)
    transaction.on_commit(lambda: _ring(job.pk))


def look_context(sheet: Worksheet) -> dict[str, Any]:
    """The newest look, its steps and its answer."""
    newest = looks.newest(sheet)
    return {"look": newest, "answer": _answer(newest.sample) if newest else ""}


def _answer(stored: Any) -> str:
    if not stored:
        return ""
    sample = Sample.from_json(stored)
    if not (sample.is_json or sample.is_text):
        return f"{len(sample.body)} bytes of {sample.media_type}"
    return shorten(sample.body.decode("utf-8", "replace"), ANSWER_CHARACTERS_SHOWN)


def _ring(look_id: UUID) -> None:
    try:
        look_at_upstream.apply_async((str(look_id),), retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("No bell for a look at an upstream: %s", type(error).__name__)
