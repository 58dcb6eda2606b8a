"""Letters about disputes go to the other side, with a link and without a stranger's words."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts import dispute_letters, letters, mail
from marketplace.accounts.models import Letter
from marketplace.accounts.tasks import send_letters
from payments.disputes.cases import Request, move, open_dispute
from payments.models import Case, Dispute, DisputeStep, Payment, Reason, Side
from tests.fixtures.buying import owner
from tests.fixtures.cast import Cast
from tests.fixtures.shop import Shop


def reachable(user: User) -> None:
    user.email = f"{user.username}@example.com"
    user.save()
    mail.confirm(user)


@pytest.fixture
def dispute(open_shop: Callable[..., Shop], settings: Settings) -> Dispute:
    settings.SENDS_MAIL = True
    shop, buyer = open_shop("acme"), owner("buyer")
    for user in (shop.user, buyer.user):
        reachable(user)
    payment = Payment.objects.get(pk=shop.sold(payer=Cast.buyer.address))
    asked = Request(Reason.OTHER, 2_000, "Sign this at https://evil.example")
    return open_dispute(payment, asked)


def test_each_step_is_written_to_the_other_side_once(
    dispute: Dispute, mailoutbox: list[EmailMessage]
) -> None:
    assert send_letters() == 1
    (letter,) = mailoutbox
    assert letter.to == ["acme@example.com"]
    assert f"/sell/disputes/{dispute.pk}" in letter.body
    assert "waiting for the seller" in letter.body
    assert "evil" not in letter.body + letter.subject
    assert move(dispute, Case.DUE, Side.SELLER, "yes")
    assert send_letters() == 1
    assert mailoutbox[1].to == ["buyer@example.com"]
    assert f"/buy/disputes/{dispute.pk}" in mailoutbox[1].body
    assert send_letters() == 0
    assert move(dispute, Case.REJECTED, Side.ADMIN, "no")
    assert send_letters() == 2
    assert {each.to[0] for each in mailoutbox[2:]} == {"acme@example.com", "buyer@example.com"}


def test_a_letter_writes_thousands_apart(dispute: Dispute) -> None:
    Dispute.objects.update(asked_atomic=1_234_500_000)
    assert dispute_letters.write_due() == 1
    letter = Letter.objects.get()
    assert letter.subject.startswith("A dispute about 1,234.5 USDC at ")
    assert "The dispute about 1,234.5 USDC for" in letter.text


def test_an_address_nobody_confirmed_gets_none(
    dispute: Dispute, mailoutbox: list[EmailMessage]
) -> None:
    User.objects.filter(username="acme").update(email="other@example.com")
    assert dispute_letters.write_due() == 1
    assert (letters.send_due(), mailoutbox) == (0, [])


def test_a_site_without_mail_writes_none_and_keeps_none(
    dispute: Dispute, settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.SENDS_MAIL = False
    assert dispute_letters.write_due() == 1
    assert not DisputeStep.objects.filter(mail_at__isnull=False).exists()
    assert (Letter.objects.count(), mailoutbox) == (0, [])


def test_who_has_their_letter_gets_no_second_one_when_the_other_sides_cannot_be_sent(
    dispute: Dispute, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert move(dispute, Case.REJECTED, Side.ADMIN, "no")
    DisputeStep.objects.exclude(by=Side.ADMIN).update(mail_at=None)
    sent: list[str] = []

    def send(_subject: str, _text: str, _sender: None, to: list[str]) -> None:
        if to == ["buyer@example.com"] and not refused:
            refused.append(True)
            raise smtplib.SMTPServerDisconnected
        sent.extend(to)

    refused: list[bool] = []
    monkeypatch.setattr(letters, "send_mail", send)
    assert send_letters() == 1
    assert (sent, send_letters()) == (["acme@example.com"], 0), "it waits for a while"
    Letter.objects.update(next_check_at=timezone.now() - timedelta(seconds=1))
    assert send_letters() == 1
    assert sent == ["acme@example.com", "buyer@example.com"]


def test_a_letter_that_cannot_be_sent_is_given_up_in_the_end(
    dispute: Dispute, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(letters, "send_mail", refuse)
    for _ in range(letters.TRIES_MAX - 1):
        assert send_letters() == 0
        Letter.objects.update(next_check_at=timezone.now() - timedelta(seconds=1))
    assert (send_letters(), Letter.objects.count()) == (1, 0)
