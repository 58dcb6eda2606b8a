"""Every part of a page in every state, on one page: to build from and to look at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from marketplace.look import samples

ROLES = ("visitor", "seller", "moderator", "admin")


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody to show the navigation to."""

    role: str
    is_authenticated: bool = True
    is_active: bool = True
    is_superuser: bool = False

    @property
    def is_staff(self) -> bool:
        return self.role == "admin"

    @property
    def groups(self) -> SamplePerson:
        return self

    def filter(self, **named: Any) -> SamplePerson:
        return self

    def exists(self) -> bool:
        return self.role == "moderator"

    def get_username(self) -> str:
        return samples.ADDRESSES[0]


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The style guide; installations on the internet do not have it."""
    role = request.GET.get("as", "")
    if role in ROLES[1:]:
        request.user = SamplePerson(role)  # type: ignore[assignment]
    context = samples.everything() | {"roles": ROLES, "role": role or ROLES[0]}
    if request.method != "POST":
        return render(request, "styleguide.html", context)
    return _answered(request, context)


def _answered(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Answer the form as every form of the site is answered: its fragment, or the whole page."""
    form = context["form"] = samples.SampleForm(request.POST, request.FILES)
    is_good = form.is_valid()
    if is_good:
        context["form"] = samples.SampleForm()
    is_fragment = getattr(request, "htmx", False)
    template = "components/sample_form.html" if is_fragment else "styleguide.html"
    response = render(request, template, context, status=200 if is_good else 422)
    if is_good:
        response["HX-Trigger"] = json.dumps({"toast": {"text": "Saved.", "tone": "good"}})
    return response
