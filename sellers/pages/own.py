"""Whose page it is: signed in, selling here, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.cache import never_cache

from payments.audit_log import user
from sellers.drafting import worksheets
from sellers.models import Listing, Seller, Worksheet
from sellers.pages.coming_back import page_of_form
from sellers.profile.directory import seller_of

P = ParamSpec("P")
SELLERS_HOME = "/sell/"


class NotYours(Http404):
    """Nothing of this seller's stands at an address of theirs; it says what to open instead."""

    way_on = (SELLERS_HOME, "Your drafts and listings")

    def __init__(self, title: str, detail: str) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail


NO_DRAFT = "You have no such draft", "It was submitted or thrown away, perhaps in another tab."
NO_LISTING = "You have no such listing", "Its address may have been mistyped."


def seller_only(
    view: Callable[Concatenate[HttpRequest, Seller, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Hand a view the seller who is signed in; others are shown how to become one."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **named: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        seller = seller_of(request.user)
        if seller is None:
            return HttpResponseRedirect(SELLERS_HOME)
        return view(request, seller, *args, **named)

    return never_cache(guarded)  # type: ignore[return-value]  # it has the view's own type


def to_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """And back to the page that was asked for, or on which the form stands that was sent."""
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    sent = redirect_to_login(page_of_form(request, SELLERS_HOME))
    sent["Location"] += "&unsent=1"  # says there that nothing was changed
    return sent


def acting(request: HttpRequest) -> str:
    """Whoever is signed in, as the audit log names them."""
    assert request.user.pk is not None  # the page is for whoever is signed in
    return user(request.user.pk)


def own_worksheet(seller: Seller, worksheet_id: UUID) -> Worksheet:
    """The seller's own sheet, or no page at all."""
    found = worksheets.find(seller, worksheet_id)
    if found is None:
        raise NotYours(*NO_DRAFT)
    return found


def own_listing(seller: Seller, slug: str) -> Listing:
    """The seller's own listing, or no page at all."""
    found = (
        Listing.objects.select_related("seller", "live_revision", "proposed_revision")
        .filter(seller=seller, slug=slug)
        .first()
    )
    if found is None:
        raise NotYours(*NO_LISTING)
    return found
