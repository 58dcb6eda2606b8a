"""A token or a network that is taken out of the settings keeps what was promised in it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.calls import returning
from marketplace.calls.room import Room
from marketplace.configuration.chains import CHAIN_DEFAULTS
from marketplace.doctor import money
from marketplace.doctor.findings import Level
from payments.auditing import audits
from payments.chains import Call
from payments.exposure.exposure import payer_key
from payments.limits.setting import Wishes, set_limits
from payments.models import Cap, EarningsDay, Reconciliation
from payments.relaying.relayer import NotPermitted, insist_permitted
from payments.wallets.payers import Payer
from payments.wiring.networks import assets, network_terms
from payments.x402.networks import DEFAULT_ASSETS, Asset
from payments.x402.schemes.exact_eip3009 import SELECTOR_PLAIN
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, Purchases

CELO = "eip155:42220"
KEPT, TAKEN_OUT, NEVER_SOLD = [each for each in DEFAULT_ASSETS if each.network == CELO]
ELSEWHERE = next(each for each in DEFAULT_ASSETS if each.network == "eip155:8453")


@pytest.fixture(autouse=True)
def chains(settings: Settings) -> None:
    settings.CHAINS = {CELO: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"]}}
    settings.CHAINS[CELO]["ASSETS"] = [KEPT.address]


def sign(token: Asset) -> None:
    terms = network_terms(CELO)
    call = Call(token.address, SELECTOR_PLAIN + bytes(32), 100_000)
    insist_permitted(
        call, address=Cast.seller.address, assets=terms.assets, multicall=terms.multicall
    )


def test_the_relayer_signs_for_a_token_that_is_sold_for_no_more() -> None:
    assert list(assets(CELO)) == [KEPT.address]
    sign(TAKEN_OUT)
    with pytest.raises(NotPermitted):
        sign(ELSEWHERE)


def test_whoever_comes_back_with_such_a_payment_is_judged_by_its_own_terms() -> None:
    held: Any = SimpleNamespace(
        network=CELO, asset=TAKEN_OUT.address, scheme="exact", amount_atomic=1,
        pay_to=Cast.seller.address,
    )  # fmt: skip
    terms = returning._terms_of(Room(), held)
    assert terms.extra == {"name": TAKEN_OUT.eip712_name, "version": TAKEN_OUT.eip712_version}


@pytest.mark.parametrize("known_by", ["its last comparison", "what was sold"])
def test_its_books_are_compared_on(make_purchase: Callable[..., Any], known_by: str) -> None:
    def tokens() -> Any:
        return make_purchase(lambda purchases: audits.tokens_of(purchases.pool, CELO))

    assert tokens() == [KEPT.address]
    now, zero = timezone.now(), "00000000-0000-0000-0000-000000000000"
    if known_by == "what was sold":
        EarningsDay.objects.create(
            seller_id=zero, listing_id=zero, day=now.date(), network=CELO, asset=TAKEN_OUT.address,
            work="answered", money="confirmed", cause="", payments=1, amount_atomic=1,
        )  # fmt: skip
        assert tokens() == [KEPT.address, TAKEN_OUT.address]
        return
    Reconciliation.objects.create(
        network=CELO, asset=TAKEN_OUT.address, at=now, from_block=0, to_block=9, booked=1,
        differences=2,
    )  # fmt: skip
    assert tokens() == [KEPT.address, TAKEN_OUT.address]
    said = [each.words for each in money.ledger() if each.level is Level.FAIL]
    assert len(said) == 1
    assert said[0].startswith("USDT on Celo: difference 2")


def test_an_owners_rules_are_told_to_what_is_tried_again_in_it(transactional_db: None) -> None:
    payer = Cast.buyer.address
    set_limits(Payer(payer), Wishes("", True, {}, (), ()))
    key = payer_key(CELO, TAKEN_OUT.address, payer)
    assert Cap.objects.get(pk=key).rules_version == 2


def test_payments_of_a_network_that_is_gone_are_named(
    make_purchase: Callable[..., Any], settings: Settings
) -> None:
    async def claim(purchases: Purchases) -> None:
        await purchases.claim()

    assert list(money.given_up()) == []
    make_purchase(claim)
    (found,) = money.given_up()
    assert found.level is Level.FAIL
    assert found.words == "one payment is not finished on Base Sepolia, which is not in CHAINS"
    settings.CHAINS = {**settings.CHAINS, NETWORK: settings.CHAINS[CELO]}
    assert list(money.given_up()) == []
