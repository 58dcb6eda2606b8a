"""Light, dark, or as the device likes it: in a cookie, so that a page comes right at once."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE: Final = "theme"
THEMES: Final = {"system": "System", "light": "Light", "dark": "Dark"}
_YEAR_SECONDS = 31_536_000


def theme_of(request: HttpRequest) -> str:
    """The theme that was chosen; whatever else the cookie says counts as no choice."""
    chosen = request.COOKIES.get(COOKIE, "")
    return chosen if chosen in THEMES else "system"


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the choice and go back to the page it was made on."""
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        return HttpResponseBadRequest()
    back = request.POST.get("next", "")
    if not back.startswith("/") or not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = HttpResponseRedirect(back)
    response.set_cookie(
        COOKIE,
        chosen,
        max_age=_YEAR_SECONDS,
        secure=not settings.DEVELOPMENT,
        httponly=True,
        samesite="Lax",
    )
    return response
