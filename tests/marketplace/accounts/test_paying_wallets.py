"""A wallet that pays only: its account sees what it pays, and it opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from marketplace.accounts.models import Wallet
from marketplace.accounts.wallet_acts import OTHERWISE, PAYS_ONLY
from marketplace.accounts.wallet_views import LAST_WAY
from payments.models import AuditEntry, Limit
from tests.fixtures.cast import Cast
from tests.marketplace.accounts.visitor import PASSWORD, Visitor, sign

Another = Callable[[], Visitor]


def entry(visitor: Visitor, address: str, pays_only: bool) -> str:
    """What the page says after it was asked to let a wallet pay only, or sign in."""
    said = {"address": address, "pays_only": "yes" if pays_only else "no"}
    answer = visitor.client.post("/account/wallet/entry", said, follow=True)
    return " ".join(answer.content.decode().split())


def paying() -> list[str]:
    return list(Wallet.objects.filter(pays_only=True).values_list("address", flat=True))


@pytest.mark.parametrize("pays", [False, True])
def test_a_wallet_signs_in_unless_it_was_linked_to_pay(
    visitor: Visitor, another: Another, pays: bool
) -> None:
    visitor.sign_up()
    assert visitor.link(Cast.buyer, pays=pays).status_code == 200
    agent = another()
    answer = agent.enter_by_wallet(Cast.buyer)
    if pays:
        assert (answer.status_code, answer.json()) == (403, {"error": PAYS_ONLY})
        assert agent.user is None
        assert User.objects.count() == 1, "no account of its own is made instead"
    else:
        assert agent.user == visitor.user


def test_the_text_says_what_the_wallet_is_linked_for_and_is_good_for_nothing_else(
    visitor: Visitor,
) -> None:
    visitor.sign_up()
    text = visitor.text(Cast.buyer, link=True, pays=True)
    assert "the account ada, to pay and not to enter it." in text
    signature = sign(text, Cast.buyer)
    assert visitor.show(text, signature, link=True).status_code == 422
    assert visitor.show(text, signature, link=True, pays=True).status_code == 200
    assert paying() == [Cast.buyer.address]


def test_linked_once_it_is_linked_no_other_way_by_signing(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.link(Cast.buyer, pays=True)
    assert visitor.link(Cast.buyer, pays=True).status_code == 200, "once more does no harm"
    assert visitor.link(Cast.buyer).json() == {"error": OTHERWISE}
    assert paying() == [Cast.buyer.address]


def test_a_wallet_that_only_pays_is_signed_out_and_can_be_let_in_again(
    visitor: Visitor, another: Another
) -> None:
    visitor.sign_up()
    visitor.link(Cast.buyer)
    agent = another()
    agent.enter_by_wallet(Cast.buyer)
    assert "The wallet only pays now." in entry(visitor, Cast.buyer.address, pays_only=True)
    assert agent.user is None
    assert agent.enter_by_wallet(Cast.buyer).status_code == 403
    assert "The wallet can sign in here." in entry(visitor, Cast.buyer.address, pays_only=False)
    assert agent.enter_by_wallet(Cast.buyer).status_code == 200


def test_whoever_signed_in_with_a_wallet_does_not_shut_themselves_out(visitor: Visitor) -> None:
    visitor.enter_by_wallet(Cast.buyer)
    visitor.client.post("/account/details", {"name": "ada"})
    visitor.client.post("/account/password", {"password": PASSWORD})
    assert "You signed in with this wallet." in entry(visitor, Cast.buyer.address, pays_only=True)
    assert paying() == []
    visitor.enter()
    entry(visitor, Cast.buyer.address, pays_only=True)
    assert paying() == [Cast.buyer.address]


def test_that_holds_behind_a_second_factor_too(visitor: Visitor) -> None:
    visitor.enter_by_wallet(Cast.buyer)
    visitor.client.post("/account/password", {"password": PASSWORD})
    _, codes = visitor.take_up()
    visitor.enter_by_wallet(Cast.buyer)
    visitor.client.post("/account/second-factor", {"code": codes[0]})
    assert "You signed in with this wallet." in entry(visitor, Cast.buyer.address, pays_only=True)


def test_an_account_keeps_a_way_in(visitor: Visitor, another: Another) -> None:
    """A wallet that pays is none: neither the last wallet that opens is held back, nor let go."""
    visitor.enter_by_wallet(Cast.seller)
    visitor.link(Cast.buyer)
    visitor.link(Cast.other_buyer, pays=True)
    entry(visitor, Cast.buyer.address, pays_only=True)
    other = another()
    other.enter_by_wallet(Cast.seller)
    for browser in (visitor, other):
        session = browser.client.session
        del session["came_by_wallet"]  # as those who signed in before there was such a mark
        session.save()
        assert LAST_WAY in entry(browser, Cast.seller.address, pays_only=True)
    visitor.client.post("/account/wallet/unlink", {"address": Cast.seller.address})
    assert sorted(paying()) == sorted([Cast.buyer.address, Cast.other_buyer.address])
    assert Wallet.objects.count() == 3
    visitor.client.post("/account/wallet/unlink", {"address": Cast.buyer.address})
    assert Wallet.objects.count() == 2, "what only pays is let go at any time"


def test_nobody_changes_anothers_wallet(visitor: Visitor, another: Another) -> None:
    other = another()
    other.sign_up("mallory")
    other.link(Cast.buyer, pays=True)
    visitor.sign_up("ada")
    entry(visitor, Cast.buyer.address, pays_only=False)
    assert paying() == [Cast.buyer.address]
    assert visitor.link(Cast.buyer).status_code == 422


def test_its_account_sees_what_it_pays_and_sets_its_limits(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.link(Cast.buyer, pays=True)
    visitor.link(Cast.other_buyer)
    for address in (Cast.buyer.address, Cast.other_buyer.address):
        said = {"wallet": address, f"{address}-day_max": "1"}
        assert visitor.client.post("/buy/limits/", said).status_code == 302
        assert Limit.objects.get(payer=address).day_max == 1
    page = visitor.client.get("/buy/limits/").content.decode()
    cards = page.split('<div class="card" id="wallet-')[1:]
    assert [Cast.buyer.address in each for each in cards] == [True, False]
    assert ["also signs in to this account" in each for each in cards] == [False, True]


def test_what_a_wallet_may_do_stands_in_the_audit_log(visitor: Visitor) -> None:
    visitor.sign_up()
    user = visitor.user
    assert user is not None
    address = Cast.buyer.address
    visitor.link(Cast.buyer)
    visitor.link(Cast.buyer)
    entry(visitor, address, pays_only=True)
    entry(visitor, address, pays_only=True)
    visitor.client.post("/account/wallet/unlink", {"address": address})
    said = AuditEntry.objects.filter(act__startswith="account.wallet").order_by("sequence")
    assert {(each.actor, each.subject) for each in said} == {(f"user:{user.pk}",) * 2}
    opens, pays = ({"wallet": address, "pays_only": each} for each in (False, True))
    assert [(each.act, each.before, each.after) for each in said] == [
        ("account.wallet_linked", None, opens),
        ("account.wallet_changed", opens, pays),
        ("account.wallet_unlinked", pays, None),
    ]


def test_wallets_that_were_linked_before_go_on_signing_in(visitor: Visitor) -> None:
    user = User.objects.create_user("before")
    at = timezone.now() - timedelta(days=1)
    Wallet.objects.create(address=Cast.buyer.address, user=user, linked_at=at)
    assert visitor.enter_by_wallet(Cast.buyer).status_code == 200
    assert visitor.user == user
