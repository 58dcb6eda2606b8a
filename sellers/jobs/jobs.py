"""Jobs that a seller waits for at a page: the row is the job, and one worker at a time has it.

Its `due_at` says when it may be taken; a job without one is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile
from typing import Any, TypeVar
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone

from sellers.jobs.turns import goes_on
from sellers.models import Fetch, Look

STALE = timedelta(minutes=4)  # longer than any call or fetch may take: its worker is gone
GIVEN_UP = timedelta(minutes=30)  # a job that no worker survives is not taken for ever
AT_ONCE = 20
Job = TypeVar("Job", Look, Fetch)


def take(kind: type[Job], job_id: UUID, **begun: Any) -> Job | None:
    """Have a job that is due, unless another worker has it."""
    taken = kind.objects.filter(pk=job_id, due_at__lte=Now()).update(
        state=kind.State.RUNNING, due_at=timezone.now() + STALE, **begun
    )
    return kind.objects.filter(pk=job_id).first() if taken else None


def due(kind: type[Job]) -> Iterator[UUID]:
    """What a lost bell, or a lost worker, left behind, until this worker is to end."""
    waiting = kind.objects.filter(due_at__lte=Now()).order_by("due_at")
    ids = list(waiting.values_list("pk", flat=True)[:AT_ONCE])
    return takewhile(lambda _: goes_on(), ids)


def is_given_up(job: Look | Fetch) -> bool:
    """Whether a job was begun again and again and never done."""
    return timezone.now() - job.created_at >= GIVEN_UP
