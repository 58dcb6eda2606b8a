"""The second factor: each code once, and no page of the staff without it."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from marketplace import access
from marketplace.accounts import second_factor, totp
from marketplace.accounts.models import RecoveryCode, SecondFactor
from tests.fixtures.cast import Cast
from tests.marketplace.accounts.visitor import PASSWORD, Visitor, make_moderator

Another = Callable[[], Visitor]
CODE = "/account/second-factor"


def next_code(secret: bytes) -> str:
    factor = SecondFactor.objects.get()
    return totp.code_now(secret, after=factor.last_step)


@pytest.mark.parametrize(
    ("unix", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(unix: int, code: str) -> None:
    secret = b"12345678901234567890"
    assert totp.code_at(secret, unix // 30) == code
    assert totp.step_of(secret, code, unix + 30) == unix // 30
    assert totp.step_of(secret, code, unix + 61) is None


def test_a_code_is_asked_for_after_the_password(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    secret, _ = visitor.take_up()
    later = another()
    assert later.enter(next="/sell/")["Location"] == f"{CODE}?next=%2Fsell%2F"
    assert later.user is None
    assert later.client.get("/account/")["Location"].startswith("/account/sign-in")
    wrong = later.client.post(CODE, {"code": "000000"})
    assert (wrong.status_code, later.user) == (422, None)
    right = later.client.post(CODE, {"code": next_code(secret), "next": "/sell/"})
    assert right["Location"] == "/sell/"
    assert later.user is not None


def test_whoever_has_lost_phone_and_codes_is_told_whom_to_ask(
    visitor: Visitor, another: Another, settings: Settings
) -> None:
    visitor.sign_up()
    visitor.take_up()
    later = another()
    later.enter()
    page = later.client.get(CODE).content.decode()
    assert "Whoever runs this site can let you in again." in page
    settings.OPERATOR_EMAIL, settings.OPERATOR_EMAIL_IS_GIVEN = "help@souk.example", True
    page = later.client.get(CODE).content.decode()
    assert 'let you in again: <a href="mailto:help@souk.example">help@souk.example</a>.' in page


def test_a_code_is_asked_for_after_the_wallet(visitor: Visitor, another: Another) -> None:
    visitor.enter_by_wallet(Cast.seller)
    secret, _ = visitor.take_up()
    later = another()
    assert later.enter_by_wallet(Cast.seller).json() == {"next": f"{CODE}?next=%2Faccount%2F"}
    assert later.user is None
    later.client.post(CODE, {"code": next_code(secret)})
    assert later.user == visitor.user


def test_a_code_counts_once(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    secret, _ = visitor.take_up()
    code = next_code(secret)
    first, second = another(), another()
    for browser, status in ((first, 302), (second, 422)):
        browser.enter()
        assert browser.client.post(CODE, {"code": code}).status_code == status
    assert second.user is None


def test_a_recovery_code_counts_once_however_it_is_written(
    visitor: Visitor, another: Another
) -> None:
    visitor.sign_up()
    _, codes = visitor.take_up()
    assert len(set(codes)) == second_factor.CODES
    kept = {bytes(row.hash) for row in RecoveryCode.objects.all()}
    assert not any(codes[0].replace("-", "").encode() in hashed for hashed in kept)
    written = f" {codes[0].upper().replace('-', ' ')} "
    first, second = another(), another()
    for browser, status in ((first, 302), (second, 422)):
        browser.enter()
        assert browser.client.post(CODE, {"code": written}).status_code == status
    assert "9 recovery codes left" in first.client.get("/account/").content.decode()


def test_new_recovery_codes_void_the_old_ones(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    _, codes = visitor.take_up()
    assert visitor.client.post(f"{CODE}/codes").status_code == 200
    later = another()
    later.enter()
    assert later.client.post(CODE, {"code": codes[0]}).status_code == 422


def test_codes_are_not_guessed_by_the_thousand(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    secret, _ = visitor.take_up()
    later = another()
    later.enter()
    for _ in range(5):
        assert "not right" in later.client.post(CODE, {"code": "000000"}).content.decode()
    page = later.client.post(CODE, {"code": next_code(secret)})
    assert "Too many tries" in page.content.decode()
    assert later.user is None


def test_a_sign_in_does_not_wait_for_its_code_for_ever(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    secret, _ = visitor.take_up()
    later = another()
    later.enter()
    session = later.client.session
    session["pending_sign_in"][1] = 1
    session.save()
    answer = later.client.post(CODE, {"code": next_code(secret)})
    assert answer["Location"] == "/account/sign-in"
    assert later.user is None


def test_an_old_password_does_not_go_on_waiting(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    secret, _ = visitor.take_up()
    later = another()
    later.enter()
    new = {"current": PASSWORD, "password": "twelve red kettles"}
    assert visitor.client.post("/account/password", new).status_code == 302
    assert later.client.post(CODE, {"code": next_code(secret)})["Location"] == "/account/sign-in"
    assert later.user is None


def test_the_key_is_kept_sealed_and_opens_for_its_owner_only(
    visitor: Visitor, settings: Settings
) -> None:
    visitor.sign_up()
    secret, _ = visitor.take_up()
    row, other = SecondFactor.objects.get(), User.objects.create_user("mallory")
    assert secret not in bytes(row.sealed)
    assert totp.spelled(secret).encode() not in bytes(row.sealed)
    SecondFactor.objects.create(user=other, sealed=bytes(row.sealed), last_step=0, since=row.since)
    assert not second_factor.is_right(other, totp.code_now(secret))
    settings.SECRET_KEY = "another"
    assert not second_factor.is_right(row.user, next_code_of(secret, row))


def next_code_of(secret: bytes, row: SecondFactor) -> str:
    return totp.code_now(secret, after=row.last_step)


def test_a_second_factor_signs_other_browsers_out(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    elsewhere = another()
    elsewhere.enter()
    visitor.take_up()
    assert (visitor.user is None, elsewhere.user) == (False, None)


def test_a_wrong_first_code_takes_nothing_up(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.client.get(f"{CODE}/new")
    assert visitor.client.post(f"{CODE}/new", {"code": "000000"}).status_code == 422
    assert SecondFactor.objects.count() == 0


def test_it_can_be_let_go_but_not_by_staff(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.take_up()
    assert visitor.user is not None
    visitor.user.groups.add(make_moderator("mod").groups.get())
    visitor.client.post(f"{CODE}/remove")
    assert SecondFactor.objects.count() == 1
    visitor.user.groups.clear()
    visitor.client.post(f"{CODE}/remove")
    assert (SecondFactor.objects.count(), RecoveryCode.objects.count()) == (0, 0)


# Staff -------------------------------------------------------------------------------------------


@access.moderator_only
def queue(request: HttpRequest) -> HttpResponse:
    return HttpResponse("the queue")


def opens(visitor: Visitor, page: Callable[[HttpRequest], HttpResponse] = queue) -> HttpResponse:
    """What the page answers in this browser."""
    from django.contrib.auth import get_user
    from django.http import Http404

    request = RequestFactory().get("/moderation/")
    request.session = visitor.client.session
    request.user = get_user(request)
    try:
        return page(request)
    except Http404:
        return HttpResponse(status=404)


def test_moderators_show_a_code_before_their_first_page(visitor: Visitor, another: Another) -> None:
    assert opens(visitor)["Location"] == "/account/sign-in?next=%2Fmoderation%2F"
    make_moderator()
    visitor.enter()
    assert opens(visitor)["Location"] == f"{CODE}?next=%2Fmoderation%2F"
    assert visitor.client.get(CODE).templates[0].name == "accounts/take_up.html"
    secret, _ = visitor.take_up()
    assert opens(visitor).content == b"the queue"
    later = another()
    later.enter()
    assert opens(later)["Location"].startswith("/account/sign-in")
    later.client.post(CODE, {"code": next_code(secret)})
    assert opens(later).content == b"the queue"


def test_nobody_keeps_what_is_for_one_person(visitor: Visitor) -> None:
    asked = opens(visitor)
    make_moderator()
    visitor.enter()
    visitor.take_up()
    for answer in (asked, opens(visitor)):
        assert {"no-store", "private"} <= set(answer["Cache-Control"].split(", "))


def test_for_others_there_is_no_such_page(visitor: Visitor) -> None:
    visitor.sign_up("grace")
    visitor.take_up()
    assert opens(visitor).status_code == 404


def test_a_session_from_before_shows_a_code_first(visitor: Visitor) -> None:
    make_moderator()
    visitor.enter()
    secret, _ = visitor.take_up()
    session = visitor.client.session
    del session["second_factor"]
    session.save()
    assert opens(visitor)["Location"].startswith(CODE)
    for path in ("new", "codes", "remove"):
        answer = visitor.client.post(f"{CODE}/{path}", {"code": next_code(secret)})
        assert answer["Location"] == CODE
    assert SecondFactor.objects.count() == 1
    visitor.client.post(CODE, {"code": next_code(secret)})
    assert opens(visitor).content == b"the queue"


def test_a_mark_is_its_owners(visitor: Visitor) -> None:
    """A session that changed hands keeps no mark."""
    make_moderator()
    visitor.enter()
    visitor.take_up()
    User.objects.create_superuser("root", password=PASSWORD)
    visitor.enter("root")
    assert opens(visitor)["Location"].startswith(CODE)


@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/sellers/seller/", "/admin/login/?next=/admin/sellers/seller/"],
)
def test_djangos_admin_is_no_way_around(visitor: Visitor, path: str) -> None:
    User.objects.create_superuser("root", password=PASSWORD)

    def asked() -> str:
        answer = visitor.client.get(path)
        while answer.status_code == 302 and answer["Location"].startswith("/admin/login"):
            answer = visitor.client.get(answer["Location"])
        return str(answer.get("Location", answer.status_code))

    assert asked().startswith("/account/sign-in?next=%2Fadmin%2Flogin")
    given = {"username": "root", "password": PASSWORD}
    assert visitor.client.post("/admin/login/", given)["Location"].startswith("/account/sign-in")
    visitor.enter("root")
    assert asked().startswith("/account/second-factor?next=%2Fadmin%2Flogin")
    visitor.take_up()
    assert visitor.client.get(path, follow=True).status_code == 200


def test_djangos_admin_is_not_for_moderators(visitor: Visitor) -> None:
    make_moderator()
    visitor.enter()
    visitor.take_up()
    assert visitor.client.get("/admin/", follow=True).status_code == 404


# The operator's commands -------------------------------------------------------------------------


def test_an_operator_makes_moderators(visitor: Visitor) -> None:
    visitor.sign_up()
    call_command("account", "moderator", "ada")
    assert opens(visitor)["Location"].startswith(CODE)
    call_command("account", "moderator", "ada", "--remove")
    assert opens(visitor).status_code == 404
    with pytest.raises(CommandError, match="Nobody"):
        call_command("account", "moderator", "nobody")


def test_an_operator_lets_in_who_lost_everything(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.take_up()
    call_command("account", "forget-second-factor", "ada")
    assert visitor.user is None
    visitor.enter()
    assert visitor.user is not None


def test_codes_are_printed_in_the_demo_only(
    visitor: Visitor, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    visitor.sign_up()
    secret, _ = visitor.take_up()
    with pytest.raises(CommandError, match="demo"):
        call_command("account", "code", "ada")
    settings.DEMO_CHAIN_RPC = "http://127.0.0.1:1"
    call_command("account", "code", "ada")
    assert hmac.compare_digest(capsys.readouterr().out.strip(), next_code(secret))
    assert "without a phone" in visitor.client.get(f"{CODE}/new").content.decode()
