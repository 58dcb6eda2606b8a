"""What buyers' own calls say about how well a listing is served."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payments.exposure.exposure import payer_key
from payments.models import Answer, AnswerBody, Cap, Payment, Step, Work
from payments.not_charged import SELLERS_FAULTS
from payments.reports.timeline import STEP_MARGIN

_PAYMENTS_AN_ANSWER = 4  # looked at for each one wanted: not all were answered


@dataclass(frozen=True, slots=True)
class Served:
    """One call of late: whether it was answered, and why not."""

    at: datetime
    ok: bool
    why: str
    payer: str  # by the key of their counter


def proven_among(payers: Collection[str]) -> set[str]:
    """Those who have paid for something before: a question that fails is free, to anybody."""
    kept = Cap.objects.filter(key__in=payers, earned_atomic__gt=0, lost_at__isnull=True)
    return set(kept.values_list("key", flat=True))


def served_lately(listing_id: UUID, since: datetime, most: int) -> list[Served]:
    """The last calls of a listing that came to an end at its seller, newest first."""
    payments = list(
        Payment.objects.filter(listing_id=listing_id, created_at__gt=since)
        .exclude(progress__work=Work.OPEN)
        .order_by("-created_at")
        .values_list("id", "created_at", "progress__work", "network", "asset", "payer")[:most]
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
    for payment_id, at, work, *wallet in payments:
        reason, payer = reasons.get(payment_id, ""), payer_key(*wallet)
        if work == Work.ANSWERED:
            found.append(Served(at, True, "", payer))
        elif reason in SELLERS_FAULTS:
            found.append(Served(at, False, reason, payer))
    return found


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that a buyer got, as far as it is compared with what the listing says of it."""

    status: int
    content_type: str
    body: bytes


def answers_lately(
    listing_id: UUID, revision_hash: bytes, since: datetime, *, most: int, bytes_max: int
) -> list[Answered]:
    """The last answers of one revision of a listing that are plain, kept and not too large."""
    payments = (
        Payment.objects.filter(listing_id=listing_id, created_at__gt=since)
        .order_by("-created_at")
        .values_list("id", "revision_hash")[: most * _PAYMENTS_AN_ANSWER]
    )
    recent = [payment_id for payment_id, bought in payments if bytes(bought) == revision_hash]
    answers = Answer.objects.filter(payment_id__in=recent, body_bytes__lte=bytes_max)
    found = []
    for answer in answers.order_by("-payment_id")[:most]:
        if any(name.lower() == "content-encoding" for name, _ in answer.headers):
            continue
        body = AnswerBody.objects.filter(payment_id=answer.pk, keep_until=answer.keep_until)
        kept = body.values_list("body", flat=True).first()
        if kept is not None:
            found.append(Answered(answer.status, answer.content_type, bytes(kept)))
    return found
