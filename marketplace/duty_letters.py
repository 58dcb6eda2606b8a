"""Letters to whoever judges listings or runs the site: what has waited for them, and where.

One for all that waits, once a day at most; sooner where a payment began to wait since the last
one. It says how much there is and since when, and nothing of what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from marketplace.accounts import duty_wishes, letters, mail
from marketplace.duties import Duty, duties_of
from payments.wiring.site import public_url
from sellers.moderators import judges

AGAIN_AFTER: Final = timedelta(days=1)


def write_due() -> int:
    """Have everybody written to whose work has waited for too long; says how many that were."""
    if not settings.SENDS_MAIL or not settings.DUTY_LETTER_HOURS:
        return 0
    reached = mail.with_confirmed_mail().filter(pk__in=judges().values("pk"))
    people = list(reached)
    duty_wishes.enrol(people)
    return sum(_wrote(user) for user in people)


@transaction.atomic
def _wrote(user: User) -> bool:
    """Of two workers one holds the row, and the other one comes too late."""
    row = duty_wishes.take(user)
    if row is None:
        return False
    patience = timedelta(hours=settings.DUTY_LETTER_HOURS)
    found = duties_of(user, patience)
    if not _is_time(found, row.written_at, timezone.now(), patience):
        return False
    text = letters.worded(
        "accounts/letters/duties.txt",
        user,
        f"{reverse('account-home')}#letters",
        duties=[(each, public_url(each.page)) for each in found],
    )
    letters.write(user, f"Waiting for you at {settings.SITE_NAME}", text)
    duty_wishes.note_written(row)
    return True


def _is_time(
    found: Sequence[Duty], written_at: datetime | None, now: datetime, patience: timedelta
) -> bool:
    long_enough = [each for each in found if each.since is None or each.since <= now - patience]
    if written_at is None or written_at <= now - AGAIN_AFTER:
        return bool(long_enough)
    return any(
        each.is_urgent and each.since is not None and each.since > written_at
        for each in long_enough
    )
