"""Steps of disputes on their way to whoever should know of them."""

from __future__ import annotations

from django.db.models import QuerySet
from django.db.models.functions import Now

from payments.models import DisputeStep


def take_untold(most: int) -> list[DisputeStep]:
    """The oldest steps that nobody was told of, for the transaction that tells of them."""
    untold = DisputeStep.objects.filter(told_at__isnull=True).order_by("at", "version")
    steps = list(_held(untold)[:most])
    for step in steps:
        _row(step).update(told_at=Now())
    return steps


def take_unmailed(most: int) -> list[DisputeStep]:
    """The oldest steps no letter was written about, for the transaction that writes them."""
    unmailed = DisputeStep.objects.filter(mail_at__lte=Now()).order_by("mail_at")
    steps = list(_held(unmailed)[:most])
    for step in steps:
        _row(step).update(mail_at=None)
    return steps


def _held(steps: QuerySet[DisputeStep]) -> QuerySet[DisputeStep]:
    held = steps.select_for_update(skip_locked=True, of=("self",))
    return held.select_related("dispute__payment")


def _row(step: DisputeStep) -> QuerySet[DisputeStep]:
    return DisputeStep.objects.filter(dispute_id=step.dispute_id, version=step.version)
