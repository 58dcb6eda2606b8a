"""What buyers' own calls say about how well a listing is served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payments.models import Payment, Step, Work
from payments.reports.one_payment import STEP_MARGIN

# What buyers did wrong says nothing about the seller.
_BUYERS_FAULTS = frozenset({"upstream_rejected"})


@dataclass(frozen=True, slots=True)
class Served:
    """One call of late: whether it was answered, and why not."""

    at: datetime
    ok: bool
    why: str


def served_lately(listing_id: UUID, since: datetime, most: int) -> list[Served]:
    """The last calls of a listing that came to an end at its seller, newest first."""
    payments = list(
        Payment.objects.filter(listing_id=listing_id, created_at__gt=since)
        .exclude(progress__work=Work.OPEN)
        .order_by("-created_at")
        .values_list("id", "created_at", "progress__work")[:most]
    )
    void = [each[0] for each in payments if each[2] == Work.VOID]
    reasons = dict(
        Step.objects.filter(
            payment_id__in=void,
            at__gt=since - STEP_MARGIN,
            work=Work.VOID,
            detail__has_key="reason",
        )
        .order_by("version")
        .values_list("payment_id", "detail__reason")
    )
    found = []
    for payment_id, at, work in payments:
        reason = reasons.get(payment_id, "")
        if work == Work.ANSWERED:
            found.append(Served(at, True, ""))
        elif reason and reason not in _BUYERS_FAULTS:
            found.append(Served(at, False, str(reason)))
    return found
