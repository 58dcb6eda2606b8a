"""What was seen of a proposal when it was submitted, kept for whoever judges it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from sellers.grading.checks import Check
from sellers.models import Listing, Look, Proposal, Worksheet


def newest_look(worksheet: Worksheet) -> dict[str, Any] | None:
    """The last look at the endpoint that is to be sold, as far as it came; before it is gone."""
    look = worksheet.looks.filter(due_at__isnull=True).order_by("-created_at").first()
    if look is None:
        return None
    return {
        "method": look.asked.get("method", ""),
        "url": look.asked.get("url", ""),
        "good": look.state == Look.State.GOOD,
        "steps": look.steps,
        "at": look.created_at.isoformat(),
    }


def keep(listing: Listing, checks: Sequence[Check], look: dict[str, Any] | None) -> Proposal:
    """Write down what was seen; of a listing only the newest is kept."""
    assert listing.proposed_revision is not None  # it was submitted
    kept, _ = Proposal.objects.update_or_create(
        listing=listing,
        defaults={
            "revision": listing.proposed_revision,
            "checks": [check.to_json() for check in checks],
            "look": look,
            "at": timezone.now(),
        },
    )
    return kept


def of_proposal(listing: Listing) -> Proposal | None:
    """What was seen of exactly what is proposed now."""
    kept = Proposal.objects.filter(pk=listing.pk).first()
    return kept if kept and kept.revision_id == listing.proposed_revision_id else None
