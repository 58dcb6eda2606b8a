"""Every part of a page in every state, on one page: to build from and to look at."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketplace.look import samples


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The style guide; installations on the internet do not have it."""
    return render(request, "styleguide.html", samples.everything())
