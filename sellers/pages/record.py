"""What was ever done to one listing, and by whom: its part of the audit log, for its seller."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from payments.reports.audit import Asked, position, read
from sellers.models import Seller
from sellers.on_sale.audited import subject
from sellers.pages.home import row
from sellers.pages.own import acting, own_listing, seller_only


@seller_only
@require_safe
def record(request: HttpRequest, seller: Seller, slug: str) -> HttpResponse:
    """Every submission, verdict, price and pause of a listing, the newest first."""
    found = own_listing(seller, slug)
    before = position(request.GET.get("before", ""))
    me = acting(request)

    def names(said: list[str]) -> Mapping[str, str]:
        return {each: _name(each, me) for each in said}

    page = read(Asked(subject=subject(found.pk), before=before), names)
    context = {
        "listing": found,
        "row": row(found),
        "page": page,
        "older": page.older_href(),
        "is_first": before is None,
    }
    return render(request, "sellers/record.html", context)


def _name(actor: str, me: str) -> str:
    """Sellers learn that a moderator did it, and not which."""
    if actor == me:
        return "you"
    return {
        "key": "one of your programs",
        "command": "the operator",
        "system": "the marketplace, by itself",
    }.get(actor.partition(":")[0], "the marketplace")
