"""Whether somebody is told by letter what waits for them here, and when that was done last."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.utils import timezone

from marketplace.accounts.models import DutyLetter


def wants(user: User) -> bool:
    """Whether letters may come; they do until somebody says that they should not."""
    return not DutyLetter.objects.filter(user=user, wanted=False).exists()


def set_wanted(user: User, *, wanted: bool) -> None:
    """Letters from now on, or none any more."""
    DutyLetter.objects.update_or_create(user=user, defaults={"wanted": wanted})


def enrol(people: Sequence[User]) -> None:
    """A row for everybody, for whoever writes to them to hold."""
    known = set(DutyLetter.objects.filter(user__in=people).values_list("user", flat=True))
    rows = [DutyLetter(user=user) for user in people if user.pk not in known]
    DutyLetter.objects.bulk_create(rows, ignore_conflicts=True)


def take(user: User) -> DutyLetter | None:
    """Hold somebody's row in this transaction; None where nothing is wanted, or another has it."""
    wanted = DutyLetter.objects.filter(user=user, wanted=True)
    return wanted.select_for_update(skip_locked=True).first()


def note_written(row: DutyLetter) -> None:
    """A letter is on its way."""
    row.written_at = timezone.now()
    row.save(update_fields=("written_at",))
