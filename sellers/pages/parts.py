"""A page and the part of it that HTMX puts in anew are one view: which of the two is asked for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def asks_for_part(request: HttpRequest) -> bool:
    """Whether HTMX asks, for a page that somebody has open."""
    return bool(getattr(request, "htmx", False))


def page_or_part(
    request: HttpRequest, page: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """The part where only that is asked for; kept apart by whoever keeps answers."""
    response = render(request, part if asks_for_part(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
