"""From what happened to messages that wait to be sent: one row for each address that asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from payments.models import Payment
from payments.outbox import Told, read_steps
from sellers.models import Listing
from sellers.models.webhooks import Delivery, Webhook
from sellers.site import webhook_limits
from sellers.webhooks.events import Event, listing_event, payment_event

STEPS_AT_ONCE = 2_000


def feed(most: int = STEPS_AT_ONCE) -> int:
    """Tell of what happened to payments since the last time; says how many messages that makes.

    A step that was told of already is told of no more: its message is there.
    """
    hooks = asking()
    written = 0

    def tell(steps: list[Told]) -> None:
        nonlocal written
        messages = _unwritten(_messages(steps, hooks))
        Delivery.objects.bulk_create(messages, ignore_conflicts=True)
        written += len(messages)

    read_steps(list(hooks), most, tell)
    return written


def _messages(steps: list[Told], hooks: Mapping[UUID, list[Webhook]]) -> Iterator[Delivery]:
    payments = _payments({step.payment_id for step in steps})
    for step in steps:
        payment = payments[step.payment_id]
        event = payment_event(step, payment)
        for hook in hooks[payment.seller_id]:
            # What happened before an address was given, or while it was off, is not told to it.
            if event.name in hook.events and hook.asks_since <= step.at:
                yield message(hook, event)


def _unwritten(messages: Iterable[Delivery]) -> list[Delivery]:
    wanted = {(each.webhook_id, each.event_id): each for each in messages}
    there = Delivery.objects.filter(
        webhook_id__in={hook for hook, _ in wanted}, event_id__in={event for _, event in wanted}
    )
    for known in there.values_list("webhook_id", "event_id") if wanted else ():
        wanted.pop(known, None)
    return list(wanted.values())


def announce(listing: Listing, name: str, reason: str = "") -> None:
    """Tell of a decision about a listing, in the transaction that makes it."""
    event = listing_event(listing, name, reason or listing.reason)
    hooks = asking(listing.seller_id).get(listing.seller_id, ())
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
    return {each.pk: each for each in Payment.objects.defer(*hidden).filter(pk__in=ids)}


def asking(*sellers: UUID) -> dict[UUID, list[Webhook]]:
    """The addresses that want to be told, of these sellers or of all."""
    found: dict[UUID, list[Webhook]] = {}
    asking = Webhook.objects.filter(disabled_at__isnull=True, removed_at__isnull=True)
    asking = asking.filter(seller_id__in=sellers) if sellers else asking.exclude(seller=None)
    for hook in asking:
        assert hook.seller_id is not None
        found.setdefault(hook.seller_id, []).append(hook)
    return found


def asking_for(payer: str, network: str) -> list[Webhook]:
    """The addresses of whoever proved this wallet; a contract is on its own network only."""
    asking = Webhook.objects.filter(disabled_at__isnull=True, removed_at__isnull=True)
    # Wallets are of whoever keeps accounts here.
    return list(
        asking.filter(
            buyer__is_active=True,
            buyer__wallets__address=payer,
            buyer__wallets__network__in=("", network),
        )
    )


def tell_buyer(user_id: int, events: Sequence[Event]) -> None:
    """Tell a buyer's addresses, in the transaction in which it counts as told."""
    asking = Webhook.objects.filter(disabled_at__isnull=True, removed_at__isnull=True)
    hooks = list(asking.filter(buyer_id=user_id))
    messages = (
        message(hook, event) for hook in hooks for event in events if event.name in hook.events
    )
    Delivery.objects.bulk_create(_unwritten(messages), ignore_conflicts=True)
