"""The queue, the oldest proposal first; one proposal with all that speaks for and against it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from marketplace.access import moderator_only, person
from payments.amounts import Amount
from sellers import listings
from sellers.differences import differences
from sellers.examples import suffix
from sellers.models import Listing
from sellers.offers import resource_url
from sellers.payouts import changed_at, standing, vouched
from sellers.refusals import ListingRefused
from sellers.site import this_site
from sellers.terms import Terms

SHOWN_MAX = 100
REASONS = (
    "The description does not say what a buyer gets.",
    "The example answer does not fit the description.",
    "The endpoint does not answer its own example.",
    "The title or the address imitates another listing.",
    "What is sold is not allowed here.",
)


@never_cache
@moderator_only
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first."""
    waiting = list(_waiting()[: SHOWN_MAX + 1])
    rows = [_row(request, each) for each in waiting[:SHOWN_MAX]]
    context = {"rows": rows, "more": len(waiting) > SHOWN_MAX}
    return render(request, "moderation/queue.html", context)


@never_cache
@moderator_only
@require_safe
def proposal(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """One proposal: every field, or what changes of what is live."""
    return _shown(request, _proposed(listing_id))


@moderator_only
@require_POST
def approve(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Put on sale exactly what was looked at."""
    found, site = _proposed(listing_id), this_site()
    if _own(request, found):
        return _shown(request, found, trouble="Nobody judges a listing of their own.", status=422)
    try:
        listings.approve(
            found.pk,
            _seen_hash(request),
            grace_seconds=site.price_grace_seconds,
            cooldown_seconds=site.payout_cooldown_seconds,
        )
    except ListingRefused as refused:
        return _shown(request, found, trouble=_words(refused), status=422)
    messages.success(request, f"{found.path} is approved.")
    return redirect("moderation-queue")


@moderator_only
@require_POST
def refuse(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Send it back; its seller reads the reason."""
    found = _proposed(listing_id)
    reason = request.POST.get("reason", "")
    if _own(request, found):
        return _shown(request, found, trouble="Nobody judges a listing of their own.", status=422)
    try:
        listings.refuse(found.pk, _seen_hash(request), reason)
    except ListingRefused as refused:
        return _shown(request, found, trouble=_words(refused), reason=reason, status=422)
    messages.success(request, f"{found.path} is refused; its seller reads why.")
    return redirect("moderation-queue")


def _waiting() -> QuerySet[Listing]:
    open_states = (Listing.State.IN_REVIEW, Listing.State.LIVE, Listing.State.PAUSED)
    return (
        Listing.objects.filter(submitted_at__isnull=False, state__in=open_states)
        .select_related("seller", "live_revision", "proposed_revision")
        .order_by("submitted_at", "pk")
    )


def _proposed(listing_id: UUID) -> Listing:
    found = _waiting().filter(pk=listing_id).first()
    if found is None:
        raise Http404
    return found


def _own(request: HttpRequest, listing: Listing) -> bool:
    return listing.seller.owner_id == person(request).pk


def _seen_hash(request: HttpRequest) -> bytes:
    try:
        return bytes.fromhex(request.POST.get("revision", ""))
    except ValueError:
        return b""


def _words(refused: ListingRefused) -> str:
    return f"Not done: {refused.message}."


def _row(request: HttpRequest, listing: Listing) -> dict[str, Any]:
    terms = _terms(listing)
    return {
        "listing": listing,
        "title": terms.title,
        "change": listing.live_revision is not None,
        "prices": [Amount.of(p.network, p.asset, p.amount_atomic) for p in terms.prices],
        "own": _own(request, listing),
    }


def _terms(listing: Listing) -> Terms:
    assert listing.proposed_revision is not None  # only what waits is shown
    return Terms.from_json(listing.proposed_revision.terms)


def _shown(
    request: HttpRequest,
    listing: Listing,
    *,
    trouble: str = "",
    reason: str = "",
    status: int = 200,
) -> HttpResponse:
    site, terms = this_site(), _terms(listing)
    revision, live = listing.proposed_revision, listing.live_revision
    assert revision is not None
    known = standing(listing.seller)
    context = {
        "listing": listing,
        "terms": terms,
        "is_new": live is None,
        "revision_hash": bytes(revision.hash).hex(),
        "url": resource_url(site.call_base_url, listing.path),
        "example": suffix(terms.example_input, terms.path_parameters),
        "sample": terms.sample.body.decode("utf-8", "replace")[:10_000],
        "changes": differences(Terms.from_json(live.terms) if live else None, terms),
        "prices": [
            {
                "amount": Amount.of(p.network, p.asset, p.amount_atomic),
                "pay_to": p.pay_to,
                "network": p.network,
                "proof": vouched(known, p.pay_to, p.network),
            }
            for p in terms.prices
        ],
        "by_operator": listing.seller.owner_id is None,
        "wallet_changed_at": changed_at(listing.seller, revision, live),
        "own": _own(request, listing),
        "reasons": REASONS,
        "trouble": trouble,
        "reason": reason,
        "waiting": _waiting().count(),
    }
    return render(request, "moderation/proposal.html", context, status=status)
