"""A domain that is about to be shown as its seller's no more, or is: told to the seller."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from sellers.models import Domain
from sellers.notices import notify


def tell_failing(row: Domain, days: int) -> None:
    """The first failure of a proven one: there are days to mend it."""
    _tell(
        row,
        f"{row.name} could not be found to be yours",
        f"{_why(row)} It is looked at again each day, and is shown beside your name until that"
        f" has failed for {days} day{'s' * (days != 1)}.",
    )


def tell_lost(row: Domain) -> None:
    """It failed for days: buyers are not shown it any more."""
    _tell(
        row,
        f"{row.name} is not shown beside your name any more",
        f"It was not found to be yours for days. {_why(row)} Have it checked on your profile"
        " once that is done.",
        mail_at=timezone.now(),
    )


def tell_taken(row: Domain) -> None:
    """Another seller showed that it is theirs."""
    _tell(
        row,
        f"{row.name} is another seller's now",
        f"{_why(row)} Was it not you who did that? Then somebody else can write to your domain.",
        mail_at=timezone.now(),
    )


def _why(row: Domain) -> str:
    return f"{row.trouble} {row.fix}"


def _tell(row: Domain, subject: str, text: str, mail_at: datetime | None = None) -> None:
    notify(row.seller_id, subject, text, f"{reverse('sell-profile')}#domain", mail_at=mail_at)
