"""Imprint, privacy and terms: the operator's own texts, or ours until they have written theirs."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from marketplace.accounts import familiar
from marketplace.look import markdown
from payments.serving.page_or_json import is_person

PAGES = {"imprint": "Imprint", "privacy": "Privacy", "terms": "Terms"}
DEFAULTS = Path(__file__).parent / "legal"


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One of the three: a page for people, the text itself for programs."""
    if name not in PAGES:
        raise Http404
    text = text_of(name)
    if is_person(request):
        context = {"guide": markdown.read(text, frozenset()), "guides": _tabs(name)}
        response = render(request, "guide.html", context)
    else:
        response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    patch_vary_headers(response, ["Accept"])
    return response


def text_of(name: str) -> str:
    """The operator's file of that name where there is one, with what this site is called in it."""
    own = Path(settings.LEGAL_DIR) / f"{name}.md" if settings.LEGAL_DIR else None
    path = own if own is not None and own.is_file() else DEFAULTS / f"{name}.md"
    return Template(path.read_text(encoding="utf-8")).safe_substitute(
        site_name=settings.SITE_NAME,
        email=settings.OPERATOR_EMAIL,
        terms_date=f"{settings.TERMS_DATE:%-d %B %Y}",
        answer_days=settings.ANSWER_KEEP_DAYS,
        session_days=settings.SESSION_COOKIE_AGE // 86_400,
        familiar_days=familiar.KEPT_DAYS,
    )


def _tabs(shown: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "href": reverse("legal", args=[name]), "current": name == shown}
        for name, label in PAGES.items()
    ]
