"""An address of mail is its account's once a letter to it was followed; no way back in before."""

from __future__ import annotations

import re
from collections.abc import Callable
from unittest.mock import patch

from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts import letters
from marketplace.accounts.mail import is_confirmed
from marketplace.accounts.models import ConfirmRequest, Session
from payments.models import AuditEntry
from tests.fixtures.cast import Cast
from tests.marketplace.accounts.visitor import Visitor

Another = Callable[[], Visitor]
ADDRESS, HERE = "ada@example.com", "/account/mail"


def link_in(letter: object) -> str:
    (found,) = re.findall(r"http://127.0.0.1:8402(/account/mail/\S+)", str(letter.body))  # type: ignore[attr-defined]
    return str(found)


def asked_for_reset() -> list[list[str]]:
    """To whom letters with a way back in go."""
    before = len(mail.outbox)
    letters.ask_for_reset(ADDRESS)
    letters.send_due()
    new = [letter for letter in mail.outbox[before:] if "new password" in letter.subject]
    return [list(letter.to) for letter in new]


def test_no_way_back_in_goes_to_an_address_before_its_letter_was_followed(
    visitor: Visitor, another: Another
) -> None:
    visitor.sign_up(email=ADDRESS)
    assert mail.outbox == [], "the page does the same work for everybody"
    assert letters.send_due() == 1
    (letter,) = mail.outbox
    assert letter.to == [ADDRESS]
    assert asked_for_reset() == []
    assert "not confirmed" in visitor.client.get("/account/").content.decode()
    reader = another()
    link = link_in(letter)
    assert reader.client.get(link)["Location"] == HERE, "no log and no referrer has the token"
    page = reader.client.get(HERE).content.decode()
    assert ADDRESS in page
    user = User.objects.get()
    assert not is_confirmed(user), "a program that opens links says nothing"
    assert reader.client.post(HERE).status_code == 302
    assert is_confirmed(user)
    assert reader.user is None, "nobody is signed in by it"
    assert asked_for_reset() == [[ADDRESS]]
    assert "A lost password can be replaced" in visitor.client.get("/account/").content.decode()
    assert reader.client.post(HERE).status_code == 404, "once a letter"


def test_another_address_has_to_be_confirmed_anew(visitor: Visitor) -> None:
    visitor.sign_up(email=ADDRESS)
    letters.send_due()
    old = link_in(mail.outbox[0])
    changed = {"name": "ada", "email": "new@example.com"}
    assert visitor.client.post("/account/details", changed).status_code == 302
    assert visitor.client.get(old, follow=True).status_code == 404
    letters.send_due()
    visitor.client.get(link_in(mail.outbox[1]))
    assert visitor.client.post(HERE).status_code == 302
    user = User.objects.get()
    assert is_confirmed(user)
    visitor.client.post("/account/details", {"name": "ada", "email": ADDRESS})
    assert not is_confirmed(User.objects.get())
    assert asked_for_reset() == []


def test_a_changed_and_a_confirmed_address_are_written_down_without_the_address(
    visitor: Visitor,
) -> None:
    visitor.sign_up(email=ADDRESS)
    visitor.client.post("/account/details", {"name": "ada", "email": ADDRESS})  # the same
    assert not AuditEntry.objects.exists(), "the first one changes nothing"
    visitor.client.post("/account/details", {"name": "ada", "email": "new@example.com"})
    letters.send_due()
    visitor.client.get(link_in(mail.outbox[-1]))
    visitor.client.post(HERE)
    visitor.client.post("/account/details", {"name": "ada", "email": ""})
    who = f"user:{User.objects.get().pk}"
    written = list(AuditEntry.objects.order_by("sequence"))
    assert [(each.actor, each.act, each.subject) for each in written] == [
        (who, "account.mail_changed", who),
        (who, "account.mail_confirmed", who),
        (who, "account.mail_changed", who),
    ]
    assert "@" not in str([(each.before, each.after, each.why) for each in written])


def test_an_address_is_changed_by_whoever_signed_in_a_moment_ago(visitor: Visitor) -> None:
    visitor.enter_by_wallet(Cast.seller)
    visitor.wait(3_600)
    answer = visitor.client.post("/account/details", {"name": "ada", "email": ADDRESS})
    assert answer["Location"].startswith("/account/sign-in?")
    assert not ConfirmRequest.objects.exists()


def test_pages_say_the_same_whether_or_not_an_address_is_somebodys(
    visitor: Visitor, another: Another
) -> None:
    visitor.sign_up(email=ADDRESS)
    other = another()
    assert other.sign_up("eve", email=ADDRESS).status_code == 302
    assert ConfirmRequest.objects.count() == 2
    letters.send_due()
    assert [letter.to for letter in mail.outbox] == [[ADDRESS]] * 2
    of_ada = next(link_in(letter) for letter in mail.outbox if " ada " in letter.body)
    other.client.get(of_ada)
    other.client.post(HERE)
    assert is_confirmed(User.objects.get(username="ada"))
    assert not is_confirmed(User.objects.get(username="eve"))


def test_links_are_whole_and_in_time(visitor: Visitor, settings: Settings) -> None:
    another = Visitor()
    visitor.sign_up(email=ADDRESS)
    letters.send_due()
    link = link_in(mail.outbox[0])
    for wrong in (link[:-1], f"{HERE}/confirm/x", f"{HERE}/confirm/a:b:c"):
        assert another.client.get(wrong).status_code == 404
    assert Session.objects.count() == 1, "whoever makes links up makes no rows"
    settings.MAIL_CONFIRM_SECONDS = -1
    assert visitor.client.get(link, follow=True).status_code == 404
    assert visitor.client.post(HERE).status_code == 404


def test_the_letter_comes_again_and_no_mailbox_is_flooded(
    visitor: Visitor, settings: Settings
) -> None:
    settings.LETTERS_MAX = 2
    visitor.sign_up(email=ADDRESS)
    letters.send_due()
    for _ in range(4):
        assert visitor.client.post("/account/mail/again").status_code == 302
        letters.send_due()
    assert len(mail.outbox) == 2
    settings.SENDS_MAIL = False
    visitor.client.post("/account/mail/again")
    assert not ConfirmRequest.objects.exists()


def test_a_letter_that_cannot_be_sent_is_tried_again_and_given_up(visitor: Visitor) -> None:
    visitor.sign_up(email=ADDRESS)
    with patch.object(letters, "send_mail", side_effect=OSError("mail.internal refused")):
        for _ in range(1, letters.TRIES_MAX):
            assert letters.send_due() == 0
            ConfirmRequest.objects.update(next_check_at=timezone.now())
        assert letters.send_due() == 1
    assert not ConfirmRequest.objects.exists()
