"""Steps of disputes on their way to whoever should know of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from payments.models import DisputeStep

TRY_AGAIN: Final = timedelta(minutes=5)
TRIES_MAX: Final = 5


def take_untold(most: int) -> list[DisputeStep]:
    """The oldest steps that nobody was told of, for the transaction that tells of them."""
    untold = DisputeStep.objects.filter(told_at__isnull=True).order_by("at", "version")
    held = untold.select_for_update(skip_locked=True, of=("self",))
    steps = list(held.select_related("dispute__payment")[:most])
    for step in steps:
        _row(step).update(told_at=Now())
    return steps


def take_unmailed() -> DisputeStep | None:
    """A step that no letter was written about; it comes again later unless that is noted."""
    with transaction.atomic():
        due = DisputeStep.objects.filter(mail_at__lte=Now()).order_by("mail_at")
        held = due.select_for_update(skip_locked=True, of=("self",))
        step = held.select_related("dispute__payment").first()
        if step is not None:
            _row(step).update(mail_at=Now() + TRY_AGAIN, mail_tries=F("mail_tries") + 1)
    return step


def mailed(step: DisputeStep) -> None:
    """Its letters are sent, or there is nobody to send them to."""
    _row(step).update(mail_at=None)


def may_try_again(step: DisputeStep) -> bool:
    """Whether a letter that could not be sent is tried once more."""
    return step.mail_tries + 1 < TRIES_MAX


def _row(step: DisputeStep) -> QuerySet[DisputeStep]:
    return DisputeStep.objects.filter(dispute_id=step.dispute_id, version=step.version)
