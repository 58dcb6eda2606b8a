"""What the site says when it cannot serve a request: a page for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from typing import Final

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from marketplace.look.themes import theme_of
from payments.serving.page_or_json import is_person
from sellers.pages.coming_back import page_of_form
from sellers.pages.own import NotYours

HOME: Final = ("/", "What is for sale")


@dataclass(frozen=True, slots=True)
class Problem:
    """One way to be turned away: a word for programs, a title and a sentence for people."""

    status: int
    error: str
    title: str
    detail: str
    way_on: tuple[str, str] = HOME


BAD_REQUEST: Final = Problem(
    400, "bad_request", "Bad request", "This site does not understand that request."
)
FORBIDDEN: Final = Problem(403, "forbidden", "Not allowed", "This is not for you to see or do.")
FORGED: Final = Problem(
    403,
    "csrf_failed",
    "Please try that again",
    "The form did not come from a page of this site, or the page was open for too long. Open it"
    " anew and send it again; your browser must accept this site's cookies.",
)
NOT_FOUND: Final = Problem(
    404, "not_found", "Nothing here", "There is no page at this address. It may have been mistyped."
)
FAULT: Final = Problem(
    500,
    "internal_fault",
    "Something went wrong here",
    "The fault is ours, and it is written down. No payment is lost by it: what was paid for is"
    " kept, and can be fetched later.",
)

DATABASE_AWAY: Final = Problem(
    503,
    "database_unreachable",
    "The database does not answer",
    "This site cannot reach its database at the moment, and goes on by itself when it can. No"
    " payment is lost by it: send the same payment again, and it buys once.",
)

# Pages that need the door's plain SQL meet the driver's own errors.
_AWAY: Final = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_HARMLESS: Final = {NOT_FOUND.error, FORBIDDEN.error}  # nothing failed: the navigation can be shown


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Turn away what cannot be understood; what exactly is wrong stays in the log."""
    return _said(request, BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Turn away whoever may not."""
    return _said(request, FORBIDDEN)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Turn away a form that no page of ours sent."""
    return _said(request, FORGED)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that nothing is there, and what is there instead where that is known."""
    if not isinstance(exception, NotYours):
        return _said(request, NOT_FOUND)
    title, detail, way_on = exception.title, exception.detail, exception.way_on
    return _said(request, replace(NOT_FOUND, title=title, detail=detail, way_on=way_on))


def fault(request: HttpRequest) -> HttpResponse:
    """Say that we failed, and of how only what an operator must know at once."""
    away = isinstance(sys.exc_info()[1], _AWAY)
    return _said(request, DATABASE_AWAY if away else FAULT)


def _said(request: HttpRequest, problem: Problem) -> HttpResponse:
    response: HttpResponse
    if problem.error not in _HARMLESS and _asks_for_part(request):
        response = _toast(problem)
    elif is_person(request):
        # Without the request's context: what fills it may be what just failed.
        is_form = request.method not in ("GET", "HEAD")
        context: dict[str, object] = {
            "site_name": settings.SITE_NAME,
            "problem": _with_way_back(request, problem) if is_form else problem,
            "again": problem.status >= 500 and not is_form,
            "unsent": is_form,
            "theme": theme_of(request),
        }
        if problem.error in _HARMLESS:
            context |= {"request": request, "csrf_token": get_token(request)}
        page = render_to_string("problem.html", context)
        response = HttpResponse(page, status=problem.status)
    else:
        said = {"error": problem.error, "detail": problem.detail}
        response = JsonResponse(said, status=problem.status)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept", "HX-Request"])
    return response


def _with_way_back(request: HttpRequest, problem: Problem) -> Problem:
    """The page of a form that was not taken, where nothing better is known."""
    if problem.way_on != HOME or problem is BAD_REQUEST:  # of a host that is not ours, perhaps
        return problem
    page = page_of_form(request, "")
    if not page:
        return problem
    return replace(problem, way_on=(page, "Back to the form"))


def _asks_for_part(request: HttpRequest) -> bool:
    """Whether a page that somebody has open asks for a part of itself, and not for all of it."""
    headers = request.headers
    return "HX-Request" in headers and "HX-History-Restore-Request" not in headers


def _toast(problem: Problem) -> HttpResponse:
    """Leave the page as it is, so that it can ask again, and say above it what failed."""
    said = {"toast": {"text": f"{problem.title}. {problem.detail}", "tone": "bad"}}
    response = HttpResponse(status=problem.status)
    response["HX-Reswap"] = "none"
    response["HX-Push-Url"] = "false"
    response["HX-Trigger"] = json.dumps(said)
    return response
