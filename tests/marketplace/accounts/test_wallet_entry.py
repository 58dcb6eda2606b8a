"""Signing in by wallet: one signature, one entry; every refusal says the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django.fixtures import Settings

from marketplace.accounts.models import Wallet
from marketplace.accounts.wallet_acts import UNPROVEN
from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.wallets import linking
from payments.wallets.linking import Purpose, challenge
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain
from tests.fixtures.purchases import NETWORK, USDC
from tests.marketplace.accounts.visitor import Visitor, sign

CONTRACT = Path(__file__).parents[2] / "contracts" / "wallet.json"


def test_a_wallet_nobody_has_seen_makes_an_account(visitor: Visitor) -> None:
    assert visitor.enter_by_wallet(Cast.seller, next="/sell/").json() == {"next": "/sell/"}
    wallet = Wallet.objects.get()
    assert (wallet.address, wallet.user) == (Cast.seller.address, visitor.user)
    assert not wallet.user.has_usable_password()
    assert wallet.user.email == ""


def test_the_same_wallet_opens_the_same_account(
    visitor: Visitor, another: Callable[[], Visitor]
) -> None:
    visitor.enter_by_wallet()
    elsewhere = another()
    elsewhere.enter_by_wallet()
    assert visitor.user == elsewhere.user is not None
    assert User.objects.count() == 1


def refused(visitor: Visitor, text: str, signature: str) -> None:
    answer = visitor.show(text, signature)
    assert (answer.status_code, answer.json()) == (422, {"error": UNPROVEN})
    assert visitor.user is None


def test_a_signature_counts_once(visitor: Visitor, another: Callable[[], Visitor]) -> None:
    text = visitor.text(Cast.seller)
    assert visitor.show(text, sign(text, Cast.seller)).status_code == 200
    refused(another(), text, sign(text, Cast.seller))


def test_another_wallets_signature_is_refused(visitor: Visitor) -> None:
    text = visitor.text(Cast.seller)
    refused(visitor, text, sign(text, Cast.attacker))
    assert visitor.show(text, sign(text, Cast.seller)).status_code == 200, "nothing was burnt"


def test_another_sites_text_is_refused(visitor: Visitor) -> None:
    text = visitor.text(Cast.seller).replace("127.0.0.1:8402 wants", "evil.example wants")
    refused(visitor, text, sign(text, Cast.seller))


def test_a_text_that_ran_out_is_refused(visitor: Visitor) -> None:
    old = int(time.time()) - linking.GOOD_SECONDS - 5
    text = challenge(Purpose.SIGN_IN, Cast.seller.address, now=old)
    refused(visitor, text, sign(text, Cast.seller))


def test_a_text_for_another_purpose_is_refused(visitor: Visitor) -> None:
    text = challenge(Purpose.PAYOUT, Cast.seller.address, subject="atlas")
    refused(visitor, text, sign(text, Cast.seller))


def test_nonsense_is_refused(visitor: Visitor) -> None:
    refused(visitor, "", "")
    refused(visitor, "sign me in", "0x00")


@pytest.fixture
def contract(settings: Settings, chain: Chain) -> str:
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": [chain.rpc_url], "ASSETS": [USDC]}}
    return chain.deploy(CONTRACT, Cast.buyer.address)


def test_a_contract_that_says_no_is_refused_and_one_that_says_yes_is_let_in(
    visitor: Visitor, contract: str
) -> None:
    answer = visitor.client.post("/account/wallet/ask", {"address": contract, "chain": "84532"})
    text = answer.json()["text"]
    refused(visitor, text, sign(text, Cast.attacker))
    assert visitor.show(text, sign(text, Cast.buyer)).status_code == 200
    assert Wallet.objects.get().network == NETWORK


def test_a_contract_on_another_chain_is_somebody_else(visitor: Visitor, contract: str) -> None:
    text = challenge(Purpose.SIGN_IN, contract)
    stranger = User.objects.create_user("stranger")
    Wallet.objects.create(
        address=contract, network="eip155:1", user=stranger, linked_at=stranger.date_joined
    )
    refused(visitor, text, sign(text, Cast.buyer))


def test_a_contract_whose_chain_is_silent_is_asked_to_come_again(
    visitor: Visitor, settings: Settings
) -> None:
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"]}}
    text = visitor.text(Cast.seller)
    assert visitor.show(text, sign(text, Cast.attacker)).status_code == 503


def test_whoever_was_barred_is_refused(visitor: Visitor) -> None:
    user = User.objects.create_user("barred", is_active=False)
    Wallet.objects.create(address=Cast.seller.address, user=user, linked_at=user.date_joined)
    text = visitor.text(Cast.seller)
    refused(visitor, text, sign(text, Cast.seller))


def test_what_is_no_address_gets_no_text(visitor: Visitor) -> None:
    assert visitor.client.post("/account/wallet/ask", {"address": "vitalik"}).status_code == 422


def test_nobody_is_sent_to_another_site(visitor: Visitor) -> None:
    for wanted in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "evil"):
        assert visitor.enter_by_wallet(next=wanted).json() == {"next": "/account/"}


def test_a_new_session_begins_with_a_new_key(visitor: Visitor) -> None:
    session = visitor.client.session
    session["before"] = 1
    session.save()
    visitor.client.cookies["sessionid"] = session.session_key
    planted = visitor.key
    visitor.enter_by_wallet()
    first = visitor.key
    visitor.enter_by_wallet()
    assert len({planted, first, visitor.key}) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("transactional_db")
def test_of_many_who_send_one_signature_at_once_one_is_let_in() -> None:
    text = challenge(Purpose.SIGN_IN, Cast.seller.address)
    signature, together = sign(text, Cast.seller), threading.Barrier(4)
    answers: list[int] = []

    def enter() -> None:
        try:
            browser = Visitor()
            together.wait()
            answers.append(browser.show(text, signature).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 422, 422, 422]
    assert User.objects.count() == 1


@pytest.mark.usefixtures("transactional_db")
def test_a_wallets_first_two_signatures_at_once_make_one_account() -> None:
    texts = [challenge(Purpose.SIGN_IN, Cast.seller.address) for _ in range(4)]
    together, answers = threading.Barrier(4), []

    def enter(text: str) -> None:
        try:
            browser = Visitor()
            together.wait()
            answers.append(browser.show(text, sign(text, Cast.seller)).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=enter, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 4
    assert (User.objects.count(), Wallet.objects.count()) == (1, 1)
