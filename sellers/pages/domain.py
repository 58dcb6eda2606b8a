"""Naming a domain, having it looked at, giving it up; and how the look has come along."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sellers.bells import ring_for_domain
from sellers.domains import claims
from sellers.models import Seller
from sellers.pages.domain_card import domain_context
from sellers.pages.own import acting, seller_only
from sellers.pages.parts import asks_for_part
from sellers.pages.profile import profile_context
from sellers.profile.profiles import profile_of
from sellers.refusals import ListingRefused, TooOften
from sellers.site import this_site


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def domain(request: HttpRequest, seller: Seller) -> HttpResponse:
    """How the look at it has come along, a piece of the profile; or what is to be done."""
    if request.method == "POST":
        return _done(request, seller)
    if not asks_for_part(request):
        return redirect(_place())
    return render(request, "sellers/_domain.html", domain_context(seller))


def _done(request: HttpRequest, seller: Seller) -> HttpResponse:
    action, typed = request.POST.get("action", ""), request.POST.get("domain", "")
    try:
        if action == "check":
            row = claims.ask(seller, this_site())
            transaction.on_commit(lambda: ring_for_domain(row.pk))
        elif action == "give-up":
            claims.give_up(seller, by=acting(request))
            messages.success(request, "No domain stands beside your name any more.")
        else:
            claims.name_domain(seller, typed, this_site(), by=acting(request))
    except ListingRefused as refused:
        return _refused(request, seller, typed, refused)
    return redirect(_place())


def _refused(
    request: HttpRequest, seller: Seller, typed: str, refused: ListingRefused
) -> HttpResponse:
    context = profile_context(seller, profile_of(seller))
    context |= domain_context(seller, typed, refused)
    status = 429 if isinstance(refused, TooOften) else 422
    response = render(request, "sellers/profile.html", context, status=status)
    if isinstance(refused, TooOften):
        response["Retry-After"] = str(refused.retry_seconds)
    return response


def _place() -> str:
    return f"{reverse('sell-profile')}#domain"
