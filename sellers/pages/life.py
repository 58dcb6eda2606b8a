"""One listing of a seller: what is sold, what is proposed, and what became of it before."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from payments.amounts import Amount
from sellers import listings, upstream_secrets
from sellers.differences import differences
from sellers.drafting import worksheets
from sellers.examples import suffix
from sellers.grace import grace_of
from sellers.grading import verified
from sellers.models import Listing, Revision, Seller, Worksheet
from sellers.offers import resource_url, why_not_offered
from sellers.pages.home import row
from sellers.pages.own import acting, own_listing, seller_only
from sellers.refusals import ListingRefused
from sellers.release_words import RELEASE_WORDS
from sellers.secrets import SecretsUnavailable, Vault
from sellers.site import Site, this_site
from sellers.terms import Terms

REVISIONS_SHOWN_MAX = 100
MOVES = {
    "withdraw": listings.withdraw,
    "pause": listings.pause,
    "resume": listings.resume,
    "retire": listings.retire,
}
SAID = {
    "withdraw": "Withdrawn: nothing of it waits for review any more.",
    "pause": "Paused: nobody can buy it until you resume it.",
    "resume": "It sells again.",
    "retire": "Retired for good. Its address stays taken, and receipts stay valid.",
}
State = Listing.State


@seller_only
@require_safe
def listing(request: HttpRequest, seller: Seller, slug: str) -> HttpResponse:
    """A listing with its state, what is proposed against what is sold, and every version."""
    return _shown(request, own_listing(seller, slug))


@seller_only
@require_POST
def edit(request: HttpRequest, seller: Seller, slug: str) -> HttpResponse:
    """Change a listing on a sheet of its own; what is live stays as it is."""
    try:
        sheet = worksheets.edit(own_listing(seller, slug), this_site())
    except ListingRefused as refused:
        messages.error(request, f"Not done: {refused.message}.")
        return redirect("sell-listing", slug)
    return redirect("sell-draft", sheet.pk)


@seller_only
@require_POST
def move(request: HttpRequest, seller: Seller, slug: str, how: str) -> HttpResponse:
    """Withdraw, pause, resume or retire."""
    found = own_listing(seller, slug)
    if how not in MOVES:
        raise Http404
    try:
        MOVES[how](found.pk, by=acting(request))
    except ListingRefused as refused:
        messages.error(request, f"Not done: {refused.message}.")
    else:
        if how == "retire":
            worksheets.discard_of(found)
        if how == "withdraw":
            worksheets.discard_untouched(found)
        messages.success(request, SAID[how])
    return redirect("sell-listing", slug)


@seller_only
@require_POST
def replace_secret(request: HttpRequest, seller: Seller, slug: str) -> HttpResponse:
    """Give a secret header another value, which calls carry from now on."""
    found = own_listing(seller, slug)
    name = request.POST.get("name", "")
    try:
        if not found.secrets.filter(name=name).exists():
            raise Http404
        vault = Vault(this_site().secrets_keys)
        value = request.POST.get("value", "")
        upstream_secrets.keep(found.pk, name, value, vault, by=acting(request))
    except ListingRefused as refused:
        messages.error(request, f"Not changed: {refused.message}.")
    except SecretsUnavailable:
        messages.error(request, "Not changed: this marketplace has no key to keep secrets with.")
    else:
        messages.success(request, f"{name} has its new value; calls carry it now.")
    return redirect("sell-listing", slug)


@seller_only
@require_safe
def revision(request: HttpRequest, seller: Seller, slug: str, number: int) -> HttpResponse:
    """One version, against the one before it."""
    found = own_listing(seller, slug)
    this = found.revisions.filter(number=number).first()
    if this is None:
        raise Http404
    before = found.revisions.filter(number__lt=number).order_by("-number").first()
    context = {
        "listing": found,
        "row": row(found),
        "revision": this,
        "before": before,
        "is_first": before is None,
        "changes": differences(_terms(before), Terms.from_json(this.terms)),
    }
    return render(request, "sellers/revision.html", context)


def _shown(request: HttpRequest, found: Listing) -> HttpResponse:
    site = this_site()
    live, proposed = found.live_revision, found.proposed_revision
    url = resource_url(site.call_base_url, found.path)
    shown = live or proposed
    terms = _terms(shown)
    known = verified.report(found)
    checks = known.checks if known else []
    context: dict[str, Any] = {
        "verification": known,
        "open_checks": [check for check in checks if not check["passed"]],
        "passed_checks": [check for check in checks if check["passed"]],
        "listing": found,
        "row": row(found),
        "url": url,
        "example_url": url + suffix(terms.example_input, terms.path_parameters) if terms else url,
        "terms": terms,
        "prices": _prices(terms, site),
        "changes": differences(_terms(live), Terms.from_json(proposed.terms)) if proposed else [],
        "history": _history(found),
        "secrets": found.secrets.order_by("name"),
        "waiting_secrets": upstream_secrets.to_come(found) if live else [],
        "ends_at_once": proposed and upstream_secrets.leaves_its_host(found, proposed),
        "sheet": Worksheet.objects.filter(listing_id=found.pk).first(),
        "release_words": RELEASE_WORDS[terms.release].to_seller if terms else "",
        "grace_seconds": grace_of(found, site),
        "can": _can(found),
    }
    return render(request, "sellers/listing.html", context)


def _can(found: Listing) -> dict[str, bool]:
    return {
        "edit": found.state != State.RETIRED,
        "withdraw": listings.can_withdraw(found),
        "pause": found.state == State.LIVE,
        "resume": found.state == State.PAUSED,
        "retire": found.state != State.RETIRED,
    }


def _prices(terms: Terms | None, site: Site) -> list[dict[str, Any]]:
    return [
        {
            "amount": Amount.of(each.network, each.asset, each.amount_atomic),
            "pay_to": each.pay_to,
            "network": each.network,
            "not_offered": why_not_offered(each, site),
        }
        for each in (terms.prices if terms else ())
    ]


def _history(found: Listing) -> list[dict[str, Any]]:
    """Every version, the newest first, with what it is now."""
    known = found.revisions.order_by("-number")[:REVISIONS_SHOWN_MAX]
    return [
        {"revision": each, "hash": bytes(each.hash).hex(), **_standing(found, each)}
        for each in known
    ]


def _standing(found: Listing, each: Revision) -> dict[str, str]:
    if each.pk == found.live_revision_id:
        return {"word": "approved", "tone": "good"}
    if each.pk == found.proposed_revision_id:
        if found.submitted_at:
            return {"word": "in review", "tone": "waiting"}
        return {"word": "refused" if found.reason else "proposed", "tone": "neutral"}
    return {"word": "earlier", "tone": "neutral"}


def _terms(this: Revision | None) -> Terms | None:
    return Terms.from_json(this.terms) if this else None
