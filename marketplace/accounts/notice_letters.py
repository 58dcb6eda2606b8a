"""Letters that say what stands on somebody's pages, for whoever is not looking."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import transaction

from marketplace.accounts import letters
from sellers.models import Notice
from sellers.notices import take_unmailed

AT_ONCE: Final = 50


@transaction.atomic
def write_due() -> int:
    """Have the letters sent whose time has come; returns how many notices that were."""
    notices = take_unmailed(AT_ONCE)
    for notice in notices:
        _write(notice)
    return len(notices)


def _write(notice: Notice) -> None:
    owner = notice.seller.owner if notice.seller else notice.buyer
    if owner is None:
        return
    text = letters.worded(
        "accounts/letters/notice.txt",
        owner,
        notice.href,
        notice=notice,
        contact=settings.OPERATOR_EMAIL,
    )
    letters.write(owner, f"{notice.subject} at {settings.SITE_NAME}", text)
