"""One address for people and for programs: who reads, and that nobody keeps what is read."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers


def is_person(request: HttpRequest) -> bool:
    """Whether a page would be read; a program that does not say what it wants gets JSON."""
    preferred = request.get_preferred_type(["application/json", "text/html"])
    return preferred == "text/html"


def fresh(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept", "HX-Request"])
    return response
