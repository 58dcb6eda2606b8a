"""Where somebody goes on who had to sign in before a form of theirs was taken."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from django.http import HttpRequest


def page_of_form(request: HttpRequest, otherwise: str) -> str:
    """The page of this site on which the form stood, as the browser says; it may not say it.

    Where the form was sent to may be no page at all.
    """
    came_from = urlsplit(request.headers.get("Referer", ""))
    path = came_from.path
    # Two slashes would lead to another site.
    if came_from.netloc != request.get_host() or not path or path.startswith("//"):
        return otherwise
    return urlunsplit(("", "", path, came_from.query, ""))
