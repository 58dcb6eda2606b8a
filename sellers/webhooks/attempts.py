"""What became of an attempt: written down, and what follows from it decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from sellers.jobs.due_rows import spread
from sellers.models.webhooks import ATTEMPTS_SHOWN_MAX, Delivery, Webhook
from sellers.notices import notify
from sellers.site import webhook_limits
from sellers.webhooks.webhooks import disable

# Seconds until the next attempt; the last one repeats until the patience is over.
WAITS = (10, 30, 60, 120, 300, 600, 1_200, 2_400, 3_600, 7_200)
SPREAD = 0.1  # so that what failed together does not come back together
LAST_SECONDS = 60  # no wait is shortened to less than this


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an address answered, or why it gave no answer."""

    status: int | None
    milliseconds: int
    why: str
    excerpt: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def words(self) -> str:
        if self.why or self.ok or self.status is None:
            return self.why
        if 300 <= self.status < 400:
            return "redirects are not followed; give the address they lead to"
        return f"it answered {self.status}"

    def to_json(self, at: datetime) -> dict[str, Any]:
        return {
            "at": at.isoformat(timespec="milliseconds"),
            "status": self.status,
            "ms": self.milliseconds,
            "why": self.words,
            "excerpt": self.excerpt,
        }


@transaction.atomic
def record(delivery_id: UUID, claims: int, outcome: Outcome) -> bool:
    """Write an attempt down; false when somebody else has taken the message meanwhile."""
    delivery = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("webhook")
        .filter(pk=delivery_id, claims=claims)
        .first()
    )
    if delivery is None:
        return False
    now = timezone.now()
    attempts = [*delivery.attempts, outcome.to_json(now)][-ATTEMPTS_SHOWN_MAX:]
    delivery.attempts, delivery.claimed_until = attempts, None
    delivery.tries += 1
    if outcome.ok:
        _end(delivery, Delivery.State.DELIVERED, now)
        Webhook.objects.filter(pk=delivery.webhook_id, failing_since__isnull=False).update(
            failing_since=None
        )
        return True
    Webhook.objects.filter(pk=delivery.webhook_id, failing_since__isnull=True).update(
        failing_since=now
    )
    if delivery.state != Delivery.State.WAITING:  # given up meanwhile: the webhook was turned off
        delivery.save(update_fields=["attempts", "claimed_until", "tries"])
        return True
    if (again := _next(delivery.tries, now, delivery.retry_until)) is not None:
        delivery.next_attempt_at = again
        delivery.save(update_fields=["attempts", "claimed_until", "tries", "next_attempt_at"])
        return True
    _end(delivery, Delivery.State.FAILED, now)
    _disable_dead(delivery.webhook, now, outcome)
    return True


def _next(tries: int, now: datetime, until: datetime) -> datetime | None:
    """When to try again: ever later, a last time at the end, then never."""
    if now >= until - timedelta(seconds=LAST_SECONDS):
        return None
    return min(now + spread(WAITS[min(tries, len(WAITS)) - 1], SPREAD), until)


def _end(delivery: Delivery, state: Delivery.State, now: datetime) -> None:
    delivery.state, delivery.next_attempt_at, delivery.done_at = state, None, now
    delivery.save(
        update_fields=[
            "state", "next_attempt_at", "done_at", "attempts", "claimed_until", "tries",
        ]
    )  # fmt: skip


def _disable_dead(hook: Webhook, now: datetime, outcome: Outcome) -> None:
    """Turn an address off that took nothing for as long as a message is tried, and say so."""
    hours = webhook_limits().retry_hours
    since = hook.failing_since
    patience = timedelta(hours=hours, seconds=-2 * LAST_SECONDS)
    if since is None or since > now - patience:
        return
    why = f"it took no message for {hours} hours; the last time: {outcome.words}"
    if disable(hook.pk, why):
        host = urlsplit(hook.url).netloc
        pages = "buy" if hook.seller_id is None else "sell"
        whose = hook.seller_id or hook.buyer_id
        assert whose is not None  # a constraint of the table
        notify(
            whose,
            f"Webhook {host} is turned off",
            f"Nothing is sent to {host} any more: {why}. Turn it on again when it is well.",
            href=f"/{pages}/webhooks/{hook.pk}/",
            mail_at=now,
        )
