"""The account's page: wallets, password, sessions, and what asks for a fresh sign-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client

from marketplace.accounts.models import Session, Wallet
from payments.models import AuditEntry
from tests.fixtures.cast import Cast, Person
from tests.marketplace.accounts.visitor import PASSWORD, Visitor, sign

Another = Callable[[], Visitor]


def link(visitor: Visitor, who: Person) -> int:
    return int(visitor.link(who).status_code)


def unlink(visitor: Visitor, who: Person) -> None:
    visitor.client.post("/account/wallet/unlink", {"address": who.address})


def test_several_wallets_open_one_account(visitor: Visitor, another: Another) -> None:
    visitor.enter_by_wallet(Cast.seller)
    assert link(visitor, Cast.buyer) == 200
    assert link(visitor, Cast.buyer) == 200, "once more does no harm"
    elsewhere = another()
    elsewhere.enter_by_wallet(Cast.buyer)
    assert elsewhere.user == visitor.user
    page = visitor.client.get("/account/").content.decode()
    assert Cast.seller.address in page
    assert Cast.buyer.address in page


def test_anothers_wallet_is_not_linked(visitor: Visitor, another: Another) -> None:
    other = another()
    other.enter_by_wallet(Cast.buyer)
    visitor.enter_by_wallet(Cast.seller)
    assert link(visitor, Cast.buyer) == 422
    assert Wallet.objects.get(address=Cast.buyer.address).user == other.user


def test_a_text_to_link_is_good_for_its_own_account(visitor: Visitor, another: Another) -> None:
    other = another()
    other.sign_up("mallory")
    text = other.text(Cast.buyer, link=True)
    assert "the account mallory," in text
    visitor.sign_up("ada")
    assert visitor.show(text, sign(text, Cast.buyer), link=True).status_code == 422
    assert visitor.show(text, sign(text, Cast.buyer)).status_code == 422


def test_the_last_way_in_stays(visitor: Visitor) -> None:
    visitor.enter_by_wallet(Cast.seller)
    unlink(visitor, Cast.seller)
    assert Wallet.objects.count() == 1
    link(visitor, Cast.buyer)
    unlink(visitor, Cast.seller)
    unlink(visitor, Cast.buyer)
    assert [each.address for each in Wallet.objects.all()] == [Cast.buyer.address]
    visitor.client.post("/account/password", {"password": PASSWORD})
    unlink(visitor, Cast.buyer)
    assert Wallet.objects.count() == 0


def test_a_wallet_that_is_linked_or_unlinked_is_written_down_once(visitor: Visitor) -> None:
    visitor.enter_by_wallet(Cast.seller)
    link(visitor, Cast.buyer)
    link(visitor, Cast.buyer)
    unlink(visitor, Cast.other_buyer)  # which it never was
    unlink(visitor, Cast.buyer)
    written = AuditEntry.objects.filter(act__startswith="account.wallet_").order_by("sequence")
    assert visitor.user is not None
    who = f"user:{visitor.user.pk}"
    assert [(each.actor, each.act, each.subject) for each in written] == [
        (who, "account.wallet_linked", who),
        (who, "account.wallet_unlinked", who),
    ]


def test_nobody_unlinks_anothers_wallet(visitor: Visitor, another: Another) -> None:
    other = another()
    other.enter_by_wallet(Cast.buyer)
    link(other, Cast.other_buyer)
    visitor.sign_up()
    unlink(visitor, Cast.buyer)
    assert Wallet.objects.count() == 2


def test_an_unlinked_wallet_is_a_stranger_and_its_holder_is_out(
    visitor: Visitor, another: Another
) -> None:
    visitor.enter_by_wallet(Cast.seller)
    link(visitor, Cast.buyer)
    holder = another()
    holder.enter_by_wallet(Cast.buyer)
    unlink(visitor, Cast.buyer)
    assert holder.user is None
    assert visitor.user is not None
    holder.enter_by_wallet(Cast.buyer)
    assert holder.user not in (None, visitor.user)


def test_a_wallets_account_gets_a_name_and_a_password(visitor: Visitor, another: Another) -> None:
    visitor.enter_by_wallet(Cast.seller)
    saved = visitor.client.post("/account/details", {"name": "ada", "email": "ada@example.com"})
    assert saved.status_code == 302
    assert visitor.client.post("/account/password", {"password": PASSWORD}).status_code == 302
    assert visitor.user is not None
    elsewhere = another()
    elsewhere.enter("ada")
    assert elsewhere.user == visitor.user


def test_another_password_needs_the_present_one(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    elsewhere = another()
    elsewhere.enter()
    new = {"password": "twelve red kettles"}
    for wrong in ({}, {"current": "wrong"}):
        assert visitor.client.post("/account/password", {**new, **wrong}).status_code == 422
    given = {**new, "current": PASSWORD}
    assert visitor.client.post("/account/password", given).status_code == 302
    assert visitor.client.get("/account/").status_code == 200
    assert elsewhere.user is None


def test_a_name_is_asked_for_only_where_it_can_be_saved(visitor: Visitor) -> None:
    visitor.sign_up()
    client, given = visitor.client, {"name": "grace", "email": ""}
    assert 'action="/account/details"' in client.get("/account/").content.decode()
    visitor.wait(901)
    late = client.get("/account/").content.decode()
    assert 'action="/account/details"' not in late
    assert "/account/sign-in?again=1&amp;next=/account/" in late
    sent = client.post("/account/details", given, follow=True)  # from a page that stood open
    assert "Nothing was changed yet." in sent.content.decode()
    assert "Sign in once more" in sent.content.decode()
    assert client.post(sent.request["PATH_INFO"] + "?" + sent.request["QUERY_STRING"], {
        "name": "ada", "password": PASSWORD,
    })["Location"] == "/account/"  # fmt: skip
    assert "Nothing was changed yet." not in client.get("/account/").content.decode()
    assert client.post("/account/details", given)["Location"] == "/account/"
    assert User.objects.filter(username="grace").exists()


def test_whose_session_is_over_reads_that_nothing_was_changed(visitor: Visitor) -> None:
    for path in ("/account/password", "/sell/profile"):
        for asked, is_said in ((visitor.client.get, False), (visitor.client.post, True)):
            page = asked(path, follow=True).content.decode()
            assert ("Nothing was changed yet." in page) is is_said, path
    assert not Session.objects.exists()


def test_a_name_that_is_taken_is_not_taken_again(visitor: Visitor) -> None:
    User.objects.create_user("Grace")
    visitor.sign_up("ada")
    page = visitor.client.post("/account/details", {"name": "grace", "email": "a@example.com"})
    assert page.status_code == 422
    assert "Somebody has this name already." in page.content.decode()
    assert visitor.client.post("/account/details", {"name": "Ada"}).status_code == 302


@pytest.mark.parametrize(
    "path",
    [
        "password",
        "second-factor/new",
        "details",
        "wallet/unlink",
        "wallet/link",
        "wallet/link-to-pay",
        "wallet/entry",
        "second-factor/codes",
    ],
)
def test_what_changes_how_one_gets_in_asks_for_a_fresh_sign_in(visitor: Visitor, path: str) -> None:
    visitor.sign_up()
    visitor.wait(3_600)
    for answer in (
        visitor.client.get(f"/account/{path}"), visitor.client.post(f"/account/{path}"),
    ):  # fmt: skip
        if answer.status_code != 405:
            assert answer["Location"].startswith("/account/sign-in?next=%2Faccount%2F")
            assert answer["Location"].endswith("again=1")
    assert visitor.client.get("/account/sign-in?again=1").status_code == 200
    visitor.enter()
    assert visitor.client.get("/account/password").status_code == 200


# Sessions ----------------------------------------------------------------------------------------


def test_every_browser_is_listed_and_none_by_its_key(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    elsewhere = another()
    elsewhere.enter()
    page = visitor.client.get("/account/").content.decode()
    assert page.count("Firefox on Linux") == 2
    assert page.count("this browser") == 1
    assert visitor.key not in page
    assert elsewhere.key not in page


def test_one_browser_is_signed_out(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    elsewhere, stranger = another(), another()
    elsewhere.enter()
    stranger.sign_up("mallory")
    visits = visitor.client.get("/account/").context["visits"]
    name = next(visit.name for visit in visits if not visit.is_this)
    stranger.client.post("/account/sessions/end", {"name": name})
    assert elsewhere.user is not None, "nobody ends another's"
    visitor.client.post("/account/sessions/end", {"name": name})
    assert elsewhere.user is None
    assert visitor.user is not None


def test_everywhere_means_everywhere(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    elsewhere, stranger = another(), another()
    elsewhere.enter()
    stranger.sign_up("mallory")
    assert visitor.client.post("/account/sessions/end-all").status_code == 302
    for browser in (visitor, elsewhere):
        assert browser.client.get("/account/")["Location"].startswith("/account/sign-in")
    assert [row.user for row in Session.objects.all()] == [stranger.user]


def test_a_session_that_was_ended_does_not_come_back(visitor: Visitor) -> None:
    """A request that was under way when it ended must not save it again."""
    visitor.sign_up()
    session = visitor.client.session
    session["more"] = 1
    visitor.client.post("/account/sessions/end-all")
    with pytest.raises(UpdateError):
        session.save()
    assert Session.objects.filter(user__isnull=False).count() == 0


def test_a_visitor_is_sent_to_sign_in_and_a_fragment_as_a_whole(client: Client) -> None:
    assert client.get("/account/")["Location"] == "/account/sign-in?next=%2Faccount%2F"
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/account/?tab=2"}
    answer = client.get("/account/", headers=headers)
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/account/sign-in?next=%2Faccount%2F%3Ftab%3D2"


def test_signing_out_is_a_form(visitor: Visitor) -> None:
    visitor.sign_up()
    assert visitor.client.get("/account/sign-out").status_code == 405
    assert visitor.user is not None
    visitor.client.post("/account/sign-out")
    assert visitor.user is None


def test_no_form_of_another_site_is_taken() -> None:
    strict = Client(enforce_csrf_checks=True)
    for path in ("sign-in", "sign-up", "sign-out", "wallet/ask", "wallet/sign-in", "forgot"):
        assert strict.post(f"/account/{path}", {}).status_code == 403
