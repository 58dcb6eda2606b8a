"""Webhooks: the addresses that are told of events, and the secrets that prove that it is us.

They are a seller's, or those of somebody who buys.

A secret is shown once, when it is made. Messages are signed with it, and for a while after a
rotation with the one before as well, so that the other side can change over without a gap.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Min, Model, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from payments.audit_log import SYSTEM, record
from payments.database.old_rows import drop_rows
from sellers.addresses import callable_url
from sellers.models import Seller
from sellers.models.webhooks import Delivery, Webhook
from sellers.refusals import ListingRefused, Why, bad
from sellers.secrets import Vault
from sellers.site import Site, webhook_limits
from sellers.webhooks.events import BUYER_EVENTS, EVENTS, try_out_event
from sellers.webhooks.outbox import message, patience

SECRET_NAME = "webhook secret"  # noqa: S105 - what is sealed, not the seal
SECRET_PREFIX = "whsec_"  # noqa: S105
SECRET_BYTES = 32
REMOVED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Made:
    """A webhook with its new secret, which is shown now and never again."""

    webhook: Webhook
    secret: str


def open_webhook(
    whose: Seller | User, url: str, events: Sequence[str], site: Site, *, by: str = SYSTEM
) -> Made:
    """Tell somebody's address of these events from now on."""
    kept_url, kept_events = checked_url(url, site), checked_events(events, whose)
    hook = Webhook(**_of(whose), url=kept_url, events=kept_events)
    secret = _new_secret()
    hook.sealed = _sealed(hook, secret, site)
    with transaction.atomic():
        # Two forms sent at once must not both take the last place.
        kind: type[Model] = Seller if isinstance(whose, Seller) else User
        kind._default_manager.select_for_update().get(pk=whose.pk)
        most = webhook_limits().per_seller_max
        if webhooks_of(whose).count() >= most:
            raise ListingRefused(
                Why.TOO_MANY, f"at most {most} webhooks; remove one that you do not need"
            )
        hook.save(force_insert=True)
        _note(by, "webhook.added", hook)
    return Made(hook, secret)


@transaction.atomic
def change_webhook(
    hook: Webhook, url: str, events: Sequence[str], site: Site, *, by: str = SYSTEM
) -> Webhook:
    """Another address or other events; what waits already goes to the new address."""
    whose = hook.seller or hook.buyer
    assert whose is not None  # a constraint of the table
    hook.url, hook.events = checked_url(url, site), checked_events(events, whose)
    hook.save(update_fields=["url", "events"])
    _note(by, "webhook.changed", hook)
    return hook


def rotate_secret(hook: Webhook, site: Site, *, seen: str | None = None, by: str = SYSTEM) -> Made:
    """Sign with a new secret, and with the one before as well until the overlap is over."""
    secret = _new_secret()
    with transaction.atomic():
        held = Webhook.objects.select_for_update().get(pk=hook.pk)
        if seen not in (None, held.secret_mark):  # sent twice, it would end the one in use
            raise ListingRefused(Why.CHANGED_MEANWHILE, "the secret is another one by now")
        held.sealed_before = held.sealed
        held.before_until = timezone.now() + timedelta(hours=webhook_limits().overlap_hours)
        held.sealed = _sealed(held, secret, site)
        held.save(update_fields=["sealed", "sealed_before", "before_until"])
        _note(by, "webhook.secret_changed", held)
    return Made(held, secret)


@transaction.atomic
def disable(hook_id: UUID, why: str) -> bool:
    """Send nothing more to an address; what waits for it counts as failed."""
    on = Webhook.objects.filter(pk=hook_id, disabled_at__isnull=True, removed_at__isnull=True)
    if not on.update(disabled_at=Now(), disabled_why=why):
        return False
    _give_up_waiting(hook_id)
    return True


def enable(hook: Webhook) -> None:
    """Tell the address again, of what happens from now on."""
    Webhook.objects.filter(pk=hook.pk, disabled_at__isnull=False).update(
        disabled_at=None, disabled_why="", failing_since=None, asks_since=Now()
    )


@transaction.atomic
def remove(hook: Webhook, *, by: str = SYSTEM) -> None:
    """Forget an address and its secrets; its log goes with the next sweep."""
    Webhook.objects.filter(pk=hook.pk).update(
        removed_at=Now(), sealed=b"", sealed_before=None, before_until=None
    )
    _give_up_waiting(hook.pk)
    _note(by, "webhook.removed", hook)


def remove_all(user: User) -> None:
    """Somebody's account is gone: their addresses go with it."""
    for hook in webhooks_of(user):
        remove(hook, by=SYSTEM)
    forget_deliveries()


def try_out(hook: Webhook) -> Delivery:
    """Send a message that says it is a test."""
    _refuse_disabled(hook)
    delivery = message(hook, try_out_event())
    delivery.save(force_insert=True)
    return delivery


def resend(delivery: Delivery) -> Delivery:
    """Send a message once more, now; it may be one that arrived before."""
    _refuse_disabled(delivery.webhook)
    now = timezone.now()
    Delivery.objects.filter(pk=delivery.pk).update(
        state=Delivery.State.WAITING,
        next_attempt_at=now,
        retry_until=patience(now),
        tries=0,
        done_at=None,
    )
    delivery.refresh_from_db()
    return delivery


def webhooks_of(whose: Seller | User) -> QuerySet[Webhook]:
    """Somebody's addresses, oldest first."""
    return Webhook.objects.filter(**_of(whose), removed_at__isnull=True).order_by("id")


def deliveries_of(whose: Seller | User) -> QuerySet[Delivery]:
    """Every message to somebody's addresses that is still in the log."""
    return Delivery.objects.filter(webhook__in=webhooks_of(whose)).select_related("webhook")


def _of(whose: Seller | User) -> dict[str, Any]:
    return {"seller": whose} if isinstance(whose, Seller) else {"buyer": whose}


def checked_url(text: str, site: Site) -> str:
    """An address that messages may be sent to, or a refusal with the reason."""
    text = callable_url(text, site)
    if "#" in text:
        raise bad("url", "a fragment (#…) never reaches a server")
    return text


def checked_events(names: Sequence[str], whose: Seller | User) -> list[str]:
    """Events that exist for whoever asks, each once."""
    known = EVENTS if isinstance(whose, Seller) else BUYER_EVENTS
    unknown = [name for name in names if name not in known]
    if unknown:
        raise bad("events", f"no such event: {unknown[0][:40]}")
    if not names:
        raise bad("events", "choose one event at least")
    return [name for name in known if name in set(names)]


def secrets_in_use(hook: Webhook, site: Site) -> list[str]:
    """The secrets a message is signed with now: the newest first."""
    vault = Vault(site.secrets_keys)
    sealed = [bytes(hook.sealed)]
    if hook.sealed_before and hook.before_until and hook.before_until > timezone.now():
        sealed.append(bytes(hook.sealed_before))
    return [vault.open(hook.pk, SECRET_NAME, each) for each in sealed]


def forget_deliveries() -> int:
    """Drop the log of what is long done, secrets whose overlap is over, and removed addresses."""
    over = Webhook.objects.filter(before_until__lt=Now())
    over.update(sealed_before=None, before_until=None)
    old = timezone.now() - timedelta(days=webhook_limits().keep_days)
    gone = drop_rows(Delivery.objects.filter(done_at__lt=old).order_by("done_at"))
    for hook in Webhook.objects.filter(removed_at__isnull=False)[:REMOVED_AT_ONCE]:
        gone += drop_rows(
            Delivery.objects.filter(webhook=hook, done_at__isnull=False).order_by("id")
        )
        hook.delete()
    return gone


def _give_up_waiting(hook_id: UUID) -> None:
    Delivery.objects.filter(webhook_id=hook_id, next_attempt_at__isnull=False).update(
        state=Delivery.State.FAILED, next_attempt_at=None, done_at=Now()
    )


def _note(by: str, act: str, hook: Webhook) -> None:
    """Which webhook, and not where it is: an address may hold a secret, and the log stays."""
    whose = f"user:{hook.buyer_id}" if hook.seller_id is None else f"seller:{hook.seller_id}"
    record(by, act, whose, after={"webhook": hook.pk, "events": hook.events})


def _refuse_disabled(hook: Webhook) -> None:
    if hook.disabled_at is not None:
        raise ListingRefused(Why.WRONG_STATE, "this webhook is off; turn it on first")


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def _sealed(hook: Webhook, secret: str, site: Site) -> bytes:
    return Vault(site.secrets_keys).seal(hook.pk, SECRET_NAME, secret)


def waiting_messages() -> tuple[int, datetime | None]:
    """How many messages of the site are due, and since when the oldest is.

    An address that fails is its owner's to mend: its messages wait for that, and for nobody here.
    """
    well = Delivery.objects.filter(
        webhook__failing_since__isnull=True,
        webhook__disabled_at__isnull=True,
        webhook__removed_at__isnull=True,
    )
    found = well.filter(next_attempt_at__lte=Now()).aggregate(
        due=Count("pk"), oldest=Min("next_attempt_at")
    )
    return found["due"], found["oldest"]
