"""How long sellers wait for a verdict, from those that people gave lately."""

from __future__ import annotations

from datetime import timedelta
from statistics import median_low
from typing import Final

from django.utils import timezone

from sellers.models import Verdict

LATELY: Final = timedelta(days=30)
NEWEST_MAX: Final = 50
FEW: Final = 3  # from so many on they say something
_JUDGED: Final = (Verdict.Kind.APPROVE, Verdict.Kind.REFUSE, Verdict.Kind.ASK)
_MEANT: Final = (Verdict.Became.DONE, Verdict.Became.COUNTED)


def usual_wait() -> timedelta | None:
    """Half of the newest verdicts came within it; None where there are too few to say."""
    newest = Verdict.objects.filter(submitted_at__isnull=False).order_by("-pk")[:NEWEST_MAX]
    since = timezone.now() - LATELY
    waits = [
        each.at - each.submitted_at
        for each in newest
        if each.submitted_at and each.at > since and each.kind in _JUDGED and each.became in _MEANT
    ]
    return median_low(waits) if len(waits) >= FEW else None
