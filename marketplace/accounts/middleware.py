"""What is done for every visitor who is signed in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from marketplace.accounts import familiar
from marketplace.accounts.sessions import note_visit


class Visits(MiddlewareMixin):
    """Remembers when each browser was last here and who was let in with it, says when to come
    again, and takes htmx to the sign-in page as a whole."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        familiar.tell(request, response)
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            note_visit(request)
        if response.status_code == 429:
            response.headers.setdefault("Retry-After", str(settings.SIGN_IN_SECONDS))
        if response.status_code == 302 and request.headers.get("HX-Request") == "true":
            return _as_a_whole(request, response)
        return response


def _as_a_whole(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A fragment's place is not where a sign-in form belongs."""
    target = urlsplit(response["Location"])
    if target.path not in (reverse("account-sign-in"), reverse("account-second-factor")):
        return response
    query = {name: values[-1] for name, values in parse_qs(target.query).items()}
    if current := _open_page(request):
        query["next"] = current
    whole = HttpResponse(status=204)
    whole["HX-Redirect"] = f"{target.path}?{urlencode(query)}"
    return whole


def _open_page(request: HttpRequest) -> str:
    """The page that htmx asked from, without its host."""
    try:
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return ""
    return f"{page.path}?{page.query}" if page.query else page.path
