"""A buyer is told that an address of theirs is turned off: on their pages, and by letter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts import mail
from marketplace.accounts.tasks import send_letters
from sellers.models import Delivery, Notice, Webhook
from sellers.webhooks import webhooks
from sellers.webhooks.events import BUYER_EVENTS
from tests.fixtures.buying import Owner, owner
from tests.fixtures.hooks import Hooks
from tests.fixtures.upstream import answer


@pytest.fixture
def buyer(hooks: Hooks, settings: Settings) -> Owner:
    """With an address that took nothing for a day."""
    settings.SENDS_MAIL = True
    buyer = owner("ada")
    buyer.user.email = "ada@example.com"
    buyer.user.save()
    mail.confirm(buyer.user)
    hooks.receiver.on("/told", answer(status=503))
    url = f"{hooks.receiver.url}/told"
    made = webhooks.open_webhook(buyer.user, url, BUYER_EVENTS, hooks.site)
    webhooks.try_out(made.webhook)
    Delivery.objects.update(retry_until=timezone.now())
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=24))
    return buyer


def test_a_dead_address_of_a_buyer_is_told_of_on_their_pages_and_by_letter(
    hooks: Hooks, buyer: Owner, mailoutbox: list[EmailMessage]
) -> None:
    assert hooks.send() == 1
    hook = Webhook.objects.get()
    assert hook.disabled_at is not None
    send_letters()
    send_letters()
    (letter,) = mailoutbox
    assert letter.to == ["ada@example.com"]
    assert letter.subject.startswith("Webhook 127.0.0.1")
    assert f"/buy/webhooks/{hook.pk}/" in letter.body
    assert "it answered 503" in letter.body
    assert "Calls that were paid" not in letter.body
    for page in ("/buy/", "/buy/webhooks"):
        assert "is turned off" in buyer.text(page)
    assert buyer.client.get(Notice.objects.get().href).status_code == 200


def test_it_stands_there_until_its_buyer_puts_it_away(hooks: Hooks, buyer: Owner) -> None:
    hooks.send()
    seen = f"/buy/notices/{Notice.objects.get().pk}/seen"
    stranger = owner("bob", "0x" + "00" * 19 + "AB")
    assert stranger.client.post(seen).status_code == 404
    assert "is turned off" not in stranger.text("/buy/webhooks")
    for odd in ("https://evil.example/", "//evil.example"):
        assert buyer.client.post(seen, {"next": odd})["Location"] == "/buy/webhooks"
    assert buyer.client.post(seen, {"next": "/buy/"})["Location"] == "/buy/"
    assert "is turned off" not in buyer.text("/buy/")
