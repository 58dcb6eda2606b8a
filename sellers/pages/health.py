"""Whether a seller's listings work, how that is known, and what was seen of late."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from sellers.health.breakers import NotSold, not_sold
from sellers.health.health import choose_way, health_of
from sellers.models import Health, Listing, ProbeResult, Seller
from sellers.notices import unseen
from sellers.offers import not_offered
from sellers.pages.own import NO_LISTING, NotYours, seller_only
from sellers.programs.program_forms import HealthForm, show_refusal
from sellers.refusals import ListingRefused
from sellers.site import health_limits, this_site
from sellers.terms import Terms

RESULTS_SHOWN = 30
WAYS = {"calls": "buyers' calls", "url": "a health address", "example": "the example call"}


@seller_only
@require_safe
def index(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Every listing that was approved, and how it is."""
    own = list(health_of(seller))
    shut = not_sold([listing.pk for listing in own])
    context = {
        "rows": [_row(listing, shut.get(listing.pk)) for listing in own],
        "notices": unseen(seller.pk),
    }
    return render(request, "sellers/health.html", context)


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, seller: Seller, listing_id: UUID) -> HttpResponse:
    """One listing: what was seen, and how to look."""
    listing = health_of(seller).filter(pk=listing_id).first()
    if listing is None:
        raise NotYours(*NO_LISTING)
    known = _known(listing)
    given = {"way": known.way, "url": known.url} if known else {"way": "calls"}
    form = HealthForm(request.POST or None, initial=given)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            choose_way(listing, said["way"], said["url"], this_site())
        except ListingRefused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, "Saved.")
            return redirect("sell-listing-health", listing_id)
    results = ProbeResult.objects.filter(listing=listing).order_by("-id")[:RESULTS_SHOWN]
    context = {
        **_row(listing, not_sold([listing.pk]).get(listing.pk)),
        "form": form,
        "results": results,
        "times": [each.ms for each in reversed(results) if each.ms is not None],
        "failures_max": health_limits().failures_max,
        "drifts_max": health_limits().drifts_max,
    }
    return render(
        request, "sellers/listing_health.html", context, status=422 if form.errors else 200
    )


def _known(listing: Listing) -> Health | None:
    return getattr(listing, "health", None)


def _row(listing: Listing, shut: NotSold | None) -> dict[str, Any]:
    known = _known(listing)
    assert listing.live_revision is not None  # only what was approved is here
    terms = Terms.from_json(listing.live_revision.terms)
    unsold = not_offered(terms, this_site())
    row = {
        "listing": listing,
        "title": terms.title,
        "not_offered": unsold,
        "offers_nothing": len(unsold) == len(terms.prices),
        "health": known,
        "how": WAYS[known.way if known else "calls"],
    }
    if listing.state != Listing.State.LIVE:
        stopped = known is not None and known.paused_at is not None
        word = "paused by us" if stopped else listing.get_state_display().lower()
        return {**row, "word": word, "tone": "bad" if stopped else "neutral"}
    if shut is not None:
        tried = shut.is_tried(timezone.now())
        row = {**row, "shut": shut, "tried": tried}
        word, tone = ("being tried", "waiting") if tried else ("not sold", "bad")
        return {**row, "word": word, "tone": tone}
    if row["offers_nothing"]:
        return {**row, "word": "not offered", "tone": "bad"}
    if known is None or known.seen_at is None:
        return {**row, "word": "not looked at yet", "tone": "neutral"}
    if known.failures:
        return {**row, "word": "failing", "tone": "bad"}
    if known.drift:
        return {**row, "word": "answers otherwise", "tone": "waiting"}
    return {**row, "word": "well", "tone": "good"}
