"""A webhook's secret is shown once, rotates without a gap and is nowhere to be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sellers.models import Delivery, Seller, Webhook
from sellers.refusals import ListingRefused, Why
from sellers.secrets import SecretsUnavailable
from sellers.site import webhook_limits
from sellers.webhooks import sending, webhooks
from sellers.webhooks.events import USUAL_EVENTS
from sellers.webhooks.webhooks import forget_deliveries
from tests.fixtures.hooks import Hooks, is_signed, only

pytestmark = pytest.mark.usefixtures("hooks")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "https"),
        ("https://10.0.0.8/", "private"),
        ("https://[::1]/", "loopback"),
        ("https://user:pass@example.com/", "user name"),
        ("https://example.com:22/", "22"),
        ("ftp://example.com/", "https"),
        ("https://0x7f000001/", "host"),
        ("https://example.com/#x", "fragment"),
        ("https://exa mple.com/", "ASCII"),
        ("", "1 to"),
        ("https://example.com/" + "x" * 3_000, "1 to"),
    ],
)
def test_an_address_that_may_not_be_called_is_refused_with_the_reason(
    hooks: Hooks, seller: Seller, url: str, reason: str
) -> None:
    with pytest.raises(ListingRefused, match="url:") as refused:
        webhooks.open_webhook(seller, url, USUAL_EVENTS, hooks.site)
    assert reason in refused.value.message


@pytest.mark.parametrize("events", [[], ["payment.paid", "payment.stolen"]])
def test_odd_events_are_refused(hooks: Hooks, seller: Seller, events: list[str]) -> None:
    with pytest.raises(ListingRefused, match="events"):
        webhooks.open_webhook(seller, hooks.receiver.url, events, hooks.site)


def test_a_seller_has_a_limit_of_webhooks(hooks: Hooks, seller: Seller, settings: Any) -> None:
    settings.WEBHOOKS_PER_SELLER_MAX = 2
    first = hooks.open(seller)
    hooks.open(seller)
    with pytest.raises(ListingRefused) as refused:
        hooks.open(seller)
    assert refused.value.why is Why.TOO_MANY
    webhooks.remove(first.webhook)
    hooks.open(seller)


def test_the_secret_is_sealed(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    row = Webhook.objects.values().get()
    assert made.secret not in str(row)
    assert made.secret.encode() not in bytes(row["sealed"])
    assert webhooks.secrets_in_use(Webhook.objects.get(), hooks.site) == [made.secret]


def test_without_a_key_there_are_no_webhooks(hooks: Hooks, seller: Seller) -> None:
    hooks.site = replace(hooks.site, secrets_keys=())
    with pytest.raises(SecretsUnavailable):
        hooks.open(seller)
    assert not Webhook.objects.exists()


def test_a_message_whose_secret_cannot_be_opened_is_not_sent_unsigned(
    hooks: Hooks, seller: Seller
) -> None:
    made = hooks.open(seller)
    hooks.site = replace(hooks.site, secrets_keys=())
    webhooks.try_out(made.webhook)
    hooks.send()
    assert hooks.receiver.calls == []
    assert "secret" in only(made.webhook).attempts[0]["why"]


def test_a_rotation_signs_with_both_until_the_overlap_is_over(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    after = webhooks.rotate_secret(made.webhook, hooks.site)
    assert after.secret != made.secret
    webhooks.try_out(made.webhook)
    hooks.send()
    (call,) = hooks.receiver.calls
    assert is_signed(call, made.secret)
    assert is_signed(call, after.secret)
    Webhook.objects.update(before_until=timezone.now())
    webhooks.try_out(made.webhook)
    hooks.send()
    later = hooks.receiver.calls[-1]
    assert not is_signed(later, made.secret)
    assert is_signed(later, after.secret)
    forget_deliveries()
    assert Webhook.objects.get().sealed_before is None


def test_a_second_rotation_lets_go_of_the_oldest_secret(hooks: Hooks, seller: Seller) -> None:
    first = hooks.open(seller)
    second = webhooks.rotate_secret(first.webhook, hooks.site)
    third = webhooks.rotate_secret(first.webhook, hooks.site)
    in_use = webhooks.secrets_in_use(Webhook.objects.get(), hooks.site)
    assert in_use == [third.secret, second.secret]


def test_the_signature_says_when_and_covers_both() -> None:
    """The example of the documents, so that nobody's receiver breaks by a change of ours."""
    signed = sending.signature(b'{"id":"1"}', ["whsec_example"], 1_700_000_000)
    assert signed == (
        "t=1700000000,v1=70a3c31785aff6fe6be3b8a5a8496f979021ecec1ad2ef5af3227cf3c92b3aa6"
    )


def test_resending_sends_the_same_event_again(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    webhooks.try_out(made.webhook)
    hooks.send()
    webhooks.resend(only(made.webhook))
    assert hooks.send() == 1
    first, second = hooks.receiver.calls
    assert first.body == second.body
    assert len(only(made.webhook).attempts) == 2


def test_a_webhook_that_is_off_sends_nothing_until_turned_on(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    waiting = webhooks.try_out(made.webhook)
    webhooks.disable(made.webhook.pk, "for a test")
    made.webhook.refresh_from_db()
    assert hooks.send() == 0
    with pytest.raises(ListingRefused, match="off"):
        webhooks.try_out(made.webhook)
    webhooks.enable(made.webhook)
    waiting.refresh_from_db()
    waiting.webhook.refresh_from_db()
    webhooks.resend(waiting)
    assert hooks.send() == 1


def test_what_is_removed_is_gone_with_its_secret_and_its_log(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    webhooks.try_out(made.webhook)
    webhooks.remove(made.webhook)
    assert hooks.send() == 0
    assert list(webhooks.webhooks_of(seller)) == []
    assert list(webhooks.deliveries_of(seller)) == []
    assert bytes(Webhook.objects.get().sealed) == b""
    forget_deliveries()
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


def test_the_log_is_kept_for_a_while(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    old, kept, waiting = (webhooks.try_out(made.webhook) for _ in range(3))
    days = webhook_limits().keep_days
    done = {"state": "delivered", "next_attempt_at": None}
    for delivery, age in ((old, days + 1), (kept, days - 1)):
        at = timezone.now() - timedelta(days=age)
        Delivery.objects.filter(pk=delivery.pk).update(done_at=at, **done)
    assert forget_deliveries() == 1
    assert set(Delivery.objects.values_list("pk", flat=True)) == {kept.pk, waiting.pk}


def test_one_seller_sees_nothing_of_another(
    hooks: Hooks, seller: Seller, make_seller: Callable[[str], Seller]
) -> None:
    made = hooks.open(seller)
    webhooks.try_out(made.webhook)
    rival = make_seller("rival")
    assert not webhooks.webhooks_of(rival).exists()
    assert not webhooks.deliveries_of(rival).exists()
