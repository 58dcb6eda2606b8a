"""A listing's logo, as every page shows it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from payments.serving.foreign_bytes import SANDBOX
from sellers.profile import logos


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The picture of a hash. Its bytes are a seller's, so nothing in them may act."""
    found = logos.find(name)
    if found is None:
        raise Http404
    answer = HttpResponse(bytes(found.picture), content_type=found.content_type)
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    answer["Content-Security-Policy"] = SANDBOX
    return answer
