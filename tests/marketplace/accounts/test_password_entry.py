"""Signing up and in by password: failures that say nothing, and are slowed down."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode
from pytest_django.fixtures import Settings

from marketplace.accounts import letters
from marketplace.accounts.mail import confirm
from marketplace.accounts.models import ResetRequest, Session
from marketplace.tasks import forget_visits
from payments.models import Tries
from payments.rates import key_of
from sellers.profile.directory import open_seller_for
from sellers.programs import keys
from tests.fixtures.cast import Cast
from tests.marketplace.accounts.visitor import PASSWORD, Visitor

Another = Callable[[], Visitor]
RESET = "/account/reset"


def test_an_account_is_made_and_entered_again(visitor: Visitor, another: Another) -> None:
    assert visitor.sign_up(next="/sell/")["Location"] == "/sell/"
    assert visitor.user is not None
    later = another()
    assert later.enter("Ada", next="/sell/?a=1")["Location"] == "/sell/?a=1"
    assert later.user == visitor.user


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "Ada"}, "Somebody has this name already."),
        ({"name": "two words"}, "and no spaces"),
        ({"password": "short"}, "too short"),
        ({"password": "1234567890123"}, "entirely numeric"),
        ({"name": "kettlesmith", "password": "kettlesmith1"}, "too similar"),
        ({"email": "nowhere"}, "valid email"),
    ],
)
def test_what_cannot_be_an_account_is_said_and_kept(
    visitor: Visitor, changed: dict[str, str], said: str
) -> None:
    User.objects.create_user("ada")
    given = {"name": "grace", "email": "grace@example.com", **changed}
    page = visitor.sign_up(**given)
    assert page.status_code == 422
    assert said in page.content.decode()
    assert given["email"] in page.content.decode()
    assert PASSWORD not in page.content.decode()


def test_a_name_in_other_letters_is_no_other_name() -> None:
    """Also where two sign up at once, after both have looked."""
    User.objects.create_user("ada")
    with patch("marketplace.accounts.forms.free_name", side_effect=lambda name, user=None: name):
        page = Visitor().sign_up("ADA")
    assert page.status_code == 422
    assert "Somebody has this name already." in page.content.decode()


def shown(page: object) -> str:
    """A page without what is new in every answer."""
    return re.sub(r'value="[A-Za-z0-9]{64}"|"X-CSRFToken": "\w+"', "", page.content.decode())  # type: ignore[attr-defined]


def test_no_failure_tells_who_is_here(visitor: Visitor) -> None:
    User.objects.create_user("ada", password=PASSWORD)
    User.objects.create_user("eve", password=PASSWORD, is_active=False)
    User.objects.create_user("bob")  # a wallet's account, without a password
    pages, hashed = [], []
    for name in ("ada", "eve", "bob", "nob"):
        with patch.object(
            MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
        ) as encode:
            page = visitor.enter(name, "wrong password")
        assert page.status_code == 422
        pages.append(shown(page).replace(f'value="{name}"', ""))
        hashed.append(encode.call_count)
    assert len(set(pages)) == 1
    assert set(hashed) == {1}
    assert "The name or the password is not right." in pages[0].replace("&#x27;", "'")


def test_guessing_is_slowed_down_known_or_not(visitor: Visitor, settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 3
    User.objects.create_user("ada", password=PASSWORD)
    for name in ("ada", "nobody"):
        statuses = [visitor.enter(name, "wrong password").status_code for _ in range(4)]
        assert statuses == [422, 422, 422, 429]
    assert visitor.enter("ada").status_code == 429, "the right password has to wait as well"
    assert Visitor("89.160.20.112").enter("ada").status_code == 302, "its owner is elsewhere"


def test_a_name_is_slowed_down_wherever_it_is_tried_from(settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 1
    User.objects.create_user("ada", password=PASSWORD)
    statuses = [Visitor(f"89.160.{n}.1").enter("ada", "wrong").status_code for n in range(6)]
    assert statuses == [422] * 5 + [429]


def guess_from_everywhere(tries: int = 6) -> None:
    """Until the name has no tries left from anywhere."""
    for n in range(tries):
        Visitor(f"89.160.{n}.1").enter("ada", "wrong")
    assert Visitor("89.161.1.1").enter("ada").status_code == 429


def test_who_guesses_keeps_nobody_out_of_their_own_browser(
    visitor: Visitor, settings: Settings
) -> None:
    settings.SIGN_IN_TRIES = 1
    visitor.sign_up()
    visitor.client.post("/account/sign-out")
    guess_from_everywhere()
    assert visitor.enter("ada").status_code == 302
    visitor.client.post("/account/sign-out")
    assert visitor.enter("ada", "wrong").status_code == 422
    assert visitor.enter("ada").status_code == 429, "one network is counted as before"
    User.objects.create_user("bob", password=PASSWORD)
    for n in range(6):
        Visitor(f"89.162.{n}.1").enter("bob", "wrong")
    elsewhere = Visitor("89.163.1.1")
    elsewhere.client.cookies = visitor.client.cookies
    assert elsewhere.enter("bob").status_code == 429, "it is known for one name and no other"


def test_a_known_browser_has_so_many_tries_wherever_it_goes(
    visitor: Visitor, settings: Settings
) -> None:
    settings.SIGN_IN_TRIES = 1
    visitor.sign_up()
    visitor.client.post("/account/sign-out")
    tried = []
    for n in range(6):
        visitor.client.defaults["REMOTE_ADDR"] = f"89.164.{n}.1"
        tried.append(visitor.enter("ada", "wrong").status_code)
    assert tried == [422] * 5 + [429]
    mallory = Visitor("89.165.1.1")
    mallory.client.cookies = visitor.client.cookies
    assert mallory.sign_up("mallory").status_code == 302
    mallory.client.post("/account/sign-out")
    assert mallory.enter("ada", "wrong").status_code == 429, "who takes a cookie gets no new tries"
    assert Visitor("89.165.2.1").enter("ada").status_code == 302


def test_whoever_is_signed_in_may_change_the_password_meanwhile(
    visitor: Visitor, settings: Settings
) -> None:
    settings.SIGN_IN_TRIES = 1
    visitor.sign_up()
    visitor.client.cookies.pop("familiar")
    guess_from_everywhere()
    change = {"current": PASSWORD, "password": "twelve red kettles"}
    assert visitor.client.post("/account/password", change).status_code == 302
    change = {"current": "wrong", "password": PASSWORD}
    pages = [visitor.client.post("/account/password", change).content.decode() for _ in range(2)]
    assert "This is not your present password." in pages[0]
    assert "Too many tries." in pages[1], "one network is counted as before"


@pytest.mark.parametrize("shown", ["", "1", "WzFd:1abc:def", "é"])
def test_a_cookie_that_nobody_signed_makes_no_browser_known(shown: str, settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 1
    User.objects.create_user("ada", password=PASSWORD)
    guess_from_everywhere()
    stranger = Visitor("89.166.1.1")
    stranger.client.cookies["familiar"] = shown
    assert stranger.enter("ada").status_code == 429


def test_the_cookie_names_who_signed_in_and_opens_nothing(visitor: Visitor) -> None:
    visitor.client.get("/account/sign-in")
    visitor.enter("ada", "wrong")
    assert "familiar" not in visitor.client.cookies
    visitor.sign_up()
    cookie = visitor.client.cookies["familiar"]
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["max-age"]) == ("Strict", "/", 400 * 86_400)
    visitor.client.post("/account/sign-out")
    assert visitor.client.cookies["familiar"].value == cookie.value, "it stays"
    assert visitor.client.get("/account/").status_code == 302


def test_a_browser_knows_several_accounts(settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 1
    shared = Visitor()
    for name in ("ada", "grace"):
        shared.sign_up(name)
        shared.client.post("/account/sign-out")
    guess_from_everywhere()
    assert shared.enter("ada").status_code == 302


def test_where_no_network_is_known_a_known_browser_has_tries_of_its_own(
    settings: Settings,
) -> None:
    settings.SIGN_IN_TRIES = 2
    owner, anybody = Visitor("127.0.0.1"), Visitor("127.0.0.1")
    owner.sign_up()
    owner.client.post("/account/sign-out")
    assert [anybody.enter("ada", "wrong").status_code for _ in range(3)] == [422, 422, 429]
    assert owner.enter("ada", "wrong").status_code == 422
    assert owner.enter("ada").status_code == 302


def test_one_network_alone_keeps_nobody_out(visitor: Visitor, settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 2
    User.objects.create_user("ada", password=PASSWORD)
    tried = [visitor.enter("ada", "wrong password").status_code for _ in range(30)]
    assert tried == [422] * 2 + [429] * 28
    assert Visitor("89.160.20.112").enter("ada").status_code == 302


def test_a_network_that_waits_uses_up_no_names_tries(visitor: Visitor, settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 1
    User.objects.create_user("ada", password=PASSWORD)
    for number in range(10):
        visitor.enter(f"name{number}", "wrong")
    assert visitor.enter("ada").status_code == 429
    assert not Tries.objects.filter(key=key_of("name", "ada")).exists()


def test_a_name_in_odd_letters_has_no_tries_of_its_own(
    visitor: Visitor, settings: Settings
) -> None:
    """PostgreSQL compares names as UPPER writes them, which takes "ı" for "I" and "i"."""
    settings.SIGN_IN_TRIES = 3
    User.objects.create_user("admin", password=PASSWORD)
    names = ("ADMIN", "admin", "adm\u0131n", "ADM\u0131N")
    assert [visitor.enter(name, "wrong").status_code for name in names] == [422, 422, 422, 429]


def test_a_network_is_slowed_down_whatever_names_it_tries(settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 1
    tried = [Visitor(f"81.2.69.{n}").enter(f"name{n}", "wrong").status_code for n in range(11)]
    assert tried == [422] * 10 + [429]
    assert Visitor("81.2.70.1").enter("name99", "wrong").status_code == 422


def test_the_right_password_forgets_the_wrong_ones(visitor: Visitor, settings: Settings) -> None:
    settings.SIGN_IN_TRIES = 3
    User.objects.create_user("ada", password=PASSWORD)
    for _ in range(3):
        visitor.enter("ada", "wrong password")
        assert visitor.enter("ada").status_code == 302
        visitor.client.post("/account/sign-out")


def test_what_was_counted_is_over_in_time_and_swept_away(
    visitor: Visitor, settings: Settings
) -> None:
    settings.SIGN_IN_TRIES = 1
    assert [visitor.enter("ada", "wrong").status_code for _ in range(2)] == [422, 429]
    Tries.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert [visitor.enter("ada", "wrong").status_code for _ in range(2)] == [422, 429]
    Tries.objects.update(until=timezone.now() - timedelta(seconds=1))
    forget_visits()
    assert Tries.objects.count() == 0


def test_a_proxys_word_counts_only_where_it_is_ours(settings: Settings) -> None:
    settings.SIGN_IN_TRIES, settings.PROXY_HOPS = 1, 1

    def tries(claimed: str) -> int:
        browser = Visitor("127.0.0.1")
        browser.client.defaults["HTTP_X_FORWARDED_FOR"] = claimed
        return int(browser.enter("ada", "wrong").status_code)

    assert tries("10.9.9.9, 89.160.20.1") == 422
    assert tries("10.8.8.8, 89.160.20.2") == 429, "only the last entry is our proxy's"
    assert tries("89.160.21.1") == 422


def test_accounts_are_not_made_by_the_hundred(visitor: Visitor, settings: Settings) -> None:
    settings.SIGN_UPS_MAX = 2
    made = [Visitor().sign_up(f"name{n}").status_code for n in range(3)]
    assert made == [302, 302, 429]
    assert visitor.enter_by_wallet(Cast.seller).status_code == 429


# The way back in ---------------------------------------------------------------------------------


def known(name: str, **fields: bool) -> User:
    """Somebody whose address is confirmed."""
    given = {"email": f"{name}@example.com", **fields}
    user, is_new = User.objects.update_or_create(username=name, defaults=given)
    if is_new:
        user.set_password(PASSWORD)
        user.save()
    confirm(user)
    return user


def link_in_letter() -> str:
    (letter,) = mail.outbox
    (found,) = re.findall(r"http://127.0.0.1:8402(/account/reset/\S+)", str(letter.body))
    return str(found)


def test_a_letter_brings_a_new_password_once(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    known("ada")
    lost = another()
    assert lost.client.post("/account/forgot", {"email": "ADA@example.com"}).status_code == 200
    assert mail.outbox == [], "the page does the same work for everybody"
    assert letters.send_due() == 1
    assert mail.outbox[0].to == ["ada@example.com"]
    link = link_in_letter()
    assert lost.client.get(link)["Location"] == RESET, "no log and no referrer has the token"
    assert lost.client.get(RESET).status_code == 200
    assert lost.client.post(RESET, {"password": "short"}).status_code == 422
    assert lost.client.post(RESET, {"password": "twelve red kettles"}).status_code == 302
    assert visitor.user is None, "everybody is signed out"
    assert lost.user is None, "and nobody is signed in by it"
    for browser in (lost, another()):
        assert browser.client.get(link, follow=True).status_code == 404
        assert browser.client.post(RESET, {"password": "other red kettles"}).status_code == 404
    assert lost.enter("ada").status_code == 422
    assert lost.enter("ada", "twelve red kettles").status_code == 302


def test_a_letter_may_come_where_one_is_signed_in(visitor: Visitor) -> None:
    visitor.sign_up()
    known("ada")
    letters.ask_for_reset("ada@example.com")
    letters.send_due()
    visitor.client.get(link_in_letter())
    assert visitor.client.post(RESET, {"password": "twelve red kettles"}).status_code == 302
    assert visitor.user is None
    assert "The new password is set." in visitor.client.get("/account/sign-in").content.decode()


def test_a_new_password_says_that_keys_of_programs_work_on(visitor: Visitor) -> None:
    visitor.sign_up()
    user = known("ada")
    said = "API key works on"
    change = {"current": PASSWORD, "password": "twelve red kettles"}
    page = visitor.client.post("/account/password", change, follow=True).content.decode()
    assert said not in page, "nobody without a key hears of keys"
    keys.issue(open_seller_for(user, "acme", "Acme"), "Robot", ["money:read"])
    change = {"current": "twelve red kettles", "password": PASSWORD}
    assert said in visitor.client.post("/account/password", change, follow=True).content.decode()
    letters.ask_for_reset("ada@example.com")
    letters.send_due()
    visitor.client.get(link_in_letter())
    reset = visitor.client.post(RESET, {"password": "twelve red kettles"}, follow=True)
    assert said in reset.content.decode()


def test_a_letter_is_good_for_an_hour(visitor: Visitor, settings: Settings) -> None:
    known("ada")
    letters.ask_for_reset("ada@example.com")
    letters.send_due()
    link = link_in_letter()
    assert visitor.client.get(link, follow=True).status_code == 200
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert visitor.client.get(link, follow=True).status_code == 404
    assert visitor.client.post(RESET, {"password": "twelve red kettles"}).status_code == 404


def test_a_letter_of_one_is_no_letter_of_another(visitor: Visitor) -> None:
    known("ada")
    mallory = known("mallory")
    letters.ask_for_reset("mallory@example.com")
    letters.send_due()
    place, token = link_in_letter().split("/")[-2:]
    other = urlsafe_base64_encode(str(mallory.pk - 1).encode())
    for forged in (f"{other}/{token}", f"{place}/{token[:-1]}", f"!/{token}", "a/b"):
        assert visitor.client.get(f"{RESET}/{forged}").status_code == 404
    assert not Session.objects.exists(), "whoever makes links up makes no rows"


def test_nobody_learns_who_has_an_address(visitor: Visitor) -> None:
    known("ada")
    User.objects.create_user("bob", "bob@example.com")  # by wallet: a letter sets no password
    known("eve", is_active=False)
    pages = set()
    for who in ("ada", "bob", "eve", "nob"):
        page = visitor.client.post("/account/forgot", {"email": f"{who}@example.com"})
        pages.add((page.status_code, shown(page)))
    assert len(pages) == 1
    assert letters.send_due() == 4
    assert [letter.to for letter in mail.outbox] == [["ada@example.com"]]
    assert ResetRequest.objects.count() == 0


def test_no_mailbox_is_flooded(visitor: Visitor, settings: Settings) -> None:
    settings.LETTERS_MAX = 2
    asked = [
        visitor.client.post("/account/forgot", {"email": "ada@example.com"}).status_code
        for _ in range(3)
    ]
    assert asked == [200, 200, 429]


def test_a_letter_that_cannot_be_sent_is_tried_again_and_given_up(visitor: Visitor) -> None:
    known("ada")
    letters.ask_for_reset("ada@example.com")
    with patch.object(letters, "send_mail", side_effect=OSError("mail.internal refused")):
        for tries in range(1, letters.TRIES_MAX):
            assert letters.send_due() == 0
            assert ResetRequest.objects.get().tries == tries
            assert letters.send_due() == 0, "not before its time"
            ResetRequest.objects.update(next_check_at=timezone.now())
        assert letters.send_due() == 1
    assert ResetRequest.objects.count() == 0


def test_a_site_without_letters_says_so(visitor: Visitor, settings: Settings) -> None:
    settings.SENDS_MAIL = False
    page = visitor.client.post("/account/forgot", {"email": "ada@example.com"})
    assert "sends no letters" in page.content.decode()
    assert ResetRequest.objects.count() == 0
