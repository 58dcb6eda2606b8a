"""From what happened to messages that wait to be sent: one row for each address that asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from payments.models import Payment
from payments.outbox import take_untold
from sellers.events import Event, listing_event, payment_event
from sellers.models import Listing
from sellers.site import webhook_limits
from sellers.webhook_rows import Delivery, Webhook

STEPS_AT_ONCE = 500


def feed(most: int = STEPS_AT_ONCE) -> int:
    """Tell of steps that nobody was told of yet; says how many were taken."""
    with transaction.atomic():
        steps = take_untold(most)
        payments = _payments({step.payment_id for step in steps})
        hooks = _asking({payment.seller_id for payment in payments.values()})
        Delivery.objects.bulk_create(
            (
                message(hook, event)
                for step in steps
                if (payment := payments.get(step.payment_id)) is not None
                for hook in hooks.get(payment.seller_id, ())
                for event in (payment_event(step, payment),)
                # What happened before an address was given is not told to it.
                if event.name in hook.events and hook.created_at <= step.at
            ),
            ignore_conflicts=True,
        )
    return len(steps)


def announce(listing: Listing, name: str, reason: str = "") -> None:
    """Tell of a decision about a listing, in the transaction that makes it."""
    event = listing_event(listing, name, reason or listing.reason)
    hooks = _asking({listing.seller_id}).get(listing.seller_id, ())
    Delivery.objects.bulk_create(message(hook, event) for hook in hooks if name in hook.events)


def message(hook: Webhook, event: Event) -> Delivery:
    """An event for one address, to be sent at once and again for as long as it takes."""
    now = timezone.now()
    return Delivery(
        webhook=hook,
        event_id=event.id,
        event=event.name,
        subject=event.subject,
        body=event.body,
        next_attempt_at=now,
        retry_until=patience(now),
    )


def patience(now: datetime) -> datetime:
    """Until when a message is tried."""
    return now + timedelta(hours=webhook_limits().retry_hours)


def _payments(ids: Iterable[UUID]) -> dict[UUID, Payment]:
    hidden = ("signature", "identifier_hash", "caps")
    if not Webhook.objects.filter(disabled_at__isnull=True).exists():
        return {}  # nobody asked, so nothing has to be read
    return {each.pk: each for each in Payment.objects.defer(*hidden).filter(pk__in=ids)}


def _asking(sellers: set[UUID]) -> dict[UUID, list[Webhook]]:
    """The addresses that these sellers want to be told at."""
    found: dict[UUID, list[Webhook]] = {}
    asking = Webhook.objects.filter(
        seller_id__in=sellers, disabled_at__isnull=True, removed_at__isnull=True
    )
    for hook in asking:
        found.setdefault(hook.seller_id, []).append(hook)
    return found
