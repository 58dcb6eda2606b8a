"""Owners are told that a limit comes near: their addresses at once, their mail as they wish.

A note that is not told yet is the job. It counts as told in the transaction that writes the
messages, and each message has its own way from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from marketplace.accounts import letters
from marketplace.accounts.models import Wallet
from payments.limits import alerts as limit_alerts
from payments.limits.words import Alert
from sellers.webhooks.events import limit_event
from sellers.webhooks.outbox import tell_buyer

AT_ONCE = 200


def note_and_tell() -> int:
    """One ring of the bell: what came near its limit is noted, and what was noted is told."""
    limit_alerts.look()
    told = 0
    while found := _tell_some():
        told += found
    return told


@transaction.atomic
def _tell_some() -> int:
    alerts = limit_alerts.take_untold(AT_ONCE)
    for user, theirs in _by_owner(alerts).items():
        tell_buyer(user.pk, [limit_event(each) for each in theirs])
        _write_to(user, theirs)
    limit_alerts.mark_told(alerts)
    return len(alerts)


def _by_owner(alerts: Sequence[Alert]) -> dict[User, list[Alert]]:
    """A group is its account's, a wallet that of whoever proved it; of others nobody knows."""
    of_wallet = dict(
        Wallet.objects.filter(address__in=[each.row.holder for each in alerts]).values_list(
            "address", "user_id"
        )
    )
    of = [(each.group.owner if each.group else of_wallet.get(each.row.holder), each)
          for each in alerts]  # fmt: skip
    people = User.objects.in_bulk([owner for owner, _ in of if owner is not None])
    found: dict[User, list[Alert]] = {}
    for owner, each in of:
        if owner in people:
            found.setdefault(people[owner], []).append(each)
    return found


def _write_to(user: User, alerts: Sequence[Alert]) -> None:
    """One letter for all that came together."""
    least = limit_alerts.mail_from(user.pk)
    wanted = [each for each in alerts if least and each.row.percent >= least]
    if not wanted:
        return
    text = letters.worded("buyers/letters/limits.txt", user, "/buy/limits/", alerts=wanted)
    highest = max(wanted, key=lambda each: each.weight)
    letters.write(user, f"{highest.headline} at {settings.SITE_NAME}", text)
