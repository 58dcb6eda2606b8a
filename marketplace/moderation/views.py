"""The queue, the oldest proposal first; one listing with all that speaks for and against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from marketplace.access import moderator_only
from marketplace.moderation.evidence import evidence
from marketplace.moderation.judges import judge_of
from marketplace.moderation.said import said
from payments.amounts import Amount
from sellers.models import Hold, Listing, Verdict
from sellers.reviews import holds, reports, two_people
from sellers.reviews.holds import Judge
from sellers.site import ReviewRules, review_rules
from sellers.terms import Terms

SHOWN_MAX = 100
LONG_HOURS, TOO_LONG_HOURS = 24, 72  # a seller waits a day; after three, they have gone elsewhere


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was not followed: what was typed, and what is wrong with its reason, if that."""

    typed: Mapping[str, str]
    wrong: str = ""

    @property
    def reason(self) -> str:
        """A usual reason, and one's own words after it."""
        parts = (self.typed.get(name, "").strip() for name in ("usual", "reason"))
        return " ".join(filter(None, parts))


@moderator_only
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first."""
    judge, rules = judge_of(request), review_rules()
    found = holds.waiting().annotate(
        complaints=Count("reports", filter=Q(reports__closed_at__isnull=True))
    )
    listings = list(found[: SHOWN_MAX + 1])
    held = holds.of([each.pk for each in listings])
    decided = {
        each.listing_id: each
        for each in Verdict.objects.filter(listing__in=listings, due_at__isnull=False)
    }
    context = {
        "rows": [
            _row(each, judge, rules, held.get(each.pk), decided.get(each.pk))
            for each in listings[:SHOWN_MAX]
        ],
        "more": len(listings) > SHOWN_MAX,
        "reports": reports.waiting().count(),
        "stopped": _stopped()[:SHOWN_MAX],
        **said(judge, rules),
    }
    return render(request, "moderation/queue.html", context)


@moderator_only
@require_safe
def item(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """One listing: what is proposed of it, or what is sold, and all that is known about it."""
    return shown(request, looked_at(listing_id))


@moderator_only
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """A listing by its address, or by seller and name."""
    wanted = _path(request.GET.get("q", "").strip())
    seller, _, slug = "/".join(wanted.split("/")[-2:]).partition("/")
    found = judgeable().filter(seller__slug=seller, slug=slug).first()
    if found is not None:
        return redirect("moderation-item", found.pk)
    if wanted:
        messages.error(request, "Nothing is sold or proposed there. Give seller/name.")
    return redirect("moderation-queue")


def _path(text: str) -> str:
    """What is left of an address when it is one of ours; a text that is none, as it is."""
    try:
        return urlsplit(text).path.strip("/")
    except ValueError:
        return text


@moderator_only
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """What one said a moment ago, and what came of it: a part of every page here."""
    return render(request, "moderation/_said.html", said(judge_of(request), review_rules()))


def judgeable() -> QuerySet[Listing]:
    """What concerns moderators: drafts that were never submitted are their seller's alone."""
    known = Q(submitted_at__isnull=False) | Q(live_revision__isnull=False)
    return Listing.objects.filter(known | Q(state=Listing.State.SUSPENDED)).select_related(
        "seller", "live_revision", "proposed_revision"
    )


def looked_at(listing_id: UUID) -> Listing:
    """The listing that a page is about."""
    found = judgeable().filter(pk=listing_id).first()
    if found is None:
        raise Http404
    return found


def shown(
    request: HttpRequest,
    listing: Listing,
    *,
    trouble: str = "",
    refusing: Sent | None = None,
    stopping: Sent | None = None,
    noting: Sent | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of one listing, also after something was not done."""
    judge, rules = judge_of(request), review_rules()
    context = {
        **evidence(listing, judge, rules),
        **said(judge, rules),
        "trouble": trouble,
        "refusing": refusing,
        "stopping": stopping,
        "noting": noting,
    }
    return render(request, "moderation/item.html", context, status=status)


def _row(
    listing: Listing,
    judge: Judge,
    rules: ReviewRules,
    held: Hold | None,
    decided: Verdict | None,
) -> dict[str, Any]:
    assert listing.proposed_revision is not None  # only what waits is shown
    assert listing.submitted_at is not None
    terms = Terms.from_json(listing.proposed_revision.terms)
    waited = (timezone.now() - listing.submitted_at).total_seconds() / 3_600
    two = two_people.why_two(listing, rules)
    return {
        "listing": listing,
        "title": terms.title,
        "prices": [Amount.of(p.network, p.asset, p.amount_atomic) for p in terms.prices],
        "tone": "bad" if waited >= TOO_LONG_HOURS else "waiting" if waited >= LONG_HOURS else "",
        "own": judge.owns(listing),
        "mine": held is not None and held.moderator_id == judge.user_id,
        "held": held,
        "decided": decided,
        "two": two,
        "yeses": len(two_people.yeses(listing)) if two else 0,
        "reports": listing.complaints,  # type: ignore[attr-defined]
    }


def _stopped() -> QuerySet[Listing]:
    return (
        Listing.objects.filter(state=Listing.State.SUSPENDED)
        .select_related("seller")
        .order_by("-created_at")
    )
