"""The guides, and health."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from marketplace.doctor import page
from marketplace.look import markdown
from payments.health import why_refused
from payments.serving.page_or_json import is_person
from payments.wiring.networks import networks

UNSETTLED = "nobody has settled this network yet"
GUIDES = {"buy": "Buying", "sell": "Selling", "webhooks": "Webhooks", "operate": "Operating"}


def site(request: HttpRequest) -> dict[str, object]:
    """What every template may say about this marketplace."""
    return {
        "site_name": settings.SITE_NAME,
        "public_base_url": settings.PUBLIC_BASE_URL,
        "operator_email": settings.OPERATOR_EMAIL if settings.OPERATOR_EMAIL_IS_GIVEN else "",
    }


@require_safe
def guide(request: HttpRequest, name: str) -> HttpResponse:
    """The guides that come with the program: a page for people, the text itself for programs."""
    if name not in GUIDES:
        raise Http404
    text = (settings.BASE_DIR / "docs" / f"{name}.md").read_text(encoding="utf-8")
    if is_person(request):
        tabs = _guide_tabs(name, is_operator=request.user.is_staff)
        context = {"guide": markdown.read(text, frozenset(GUIDES)), "guides": tabs}
        response = render(request, "guide.html", context)
    else:
        response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    patch_vary_headers(response, ["Accept"])
    return response


def _guide_tabs(name: str, *, is_operator: bool) -> list[dict[str, Any]]:
    """The operator's own is there for all, and shown to those whom it concerns."""
    return [
        {"label": label, "href": reverse("guide", args=[each]), "current": each == name}
        for each, label in GUIDES.items()
        if is_operator or each in (name, *GUIDES.keys() - {"operate"})
    ]


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is promised."""
    return JsonResponse({"ok": True})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether paid calls can be served: the database, and every network's settling."""
    try:
        refused = why_refused(settings.HEAD_STALE_SECONDS)
    except DatabaseError:
        return JsonResponse({"ok": False, "database": "unreachable"}, status=503)
    said = {network: refused.get(network, UNSETTLED) for network in networks()}
    ok = not any(said.values())
    report = {network: trouble or "ok" for network, trouble in said.items()}
    document: dict[str, Any] = {"ok": ok, "database": "ok", "networks": report}
    if page.shows_the_token(request):  # what runs out and what fails is nobody else's business
        document |= page.facts()
    return JsonResponse(document, status=200 if ok else 503)
