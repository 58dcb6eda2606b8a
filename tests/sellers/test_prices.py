"""Dollars become atomic units exactly, and money goes to a wallet somebody meant."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellers.prices import PRICE_DOLLARS_MAX, Ask, atomic, in_dollars, price, read_dollars
from sellers.refusals import ListingRefused
from tests.sellers.conftest import BASE, OTHER_WALLET, SEPOLIA, SITE, WALLET

TOKEN = SITE.accepted[0].asset.address


@pytest.mark.parametrize(
    ("dollars", "decimals", "units"),
    [
        ("0.01", 6, 10_000),
        ("1", 6, 1_000_000),
        ("1e-6", 6, 1),
        ("0.000001000", 6, 1),
        ("9999.999999", 6, 9_999_999_999),
        ("0.1", 18, 10**17),
        ("1.000000000000000000", 18, 10**18),
        ("2", 0, 2),
    ],
)
def test_dollars_become_units_exactly(dollars, decimals, units):
    assert atomic(Decimal(dollars), decimals) == units


@pytest.mark.parametrize(("dollars", "decimals"), [("0.0000001", 6), ("0.5", 0), ("1.0000001", 6)])
def test_more_decimals_than_the_token_has_are_refused(dollars, decimals):
    with pytest.raises(ListingRefused, match=f"{decimals} decimals"):
        atomic(Decimal(dollars), decimals)


@given(st.integers(1, 10**40), st.integers(0, 18))
def test_units_become_dollars_and_units_again(units, decimals):
    assert atomic(in_dollars(units, decimals), decimals) == units


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "NaN", "Infinity", "-1", "0", "-0", "1e9", "$1", "1,5", "10000.01"),
        *("0.01" + "0" * 40 + "1", "1" + "0" * 5000, "1e-20000", "1e-31"),
    ],
)
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ListingRefused):
        read_dollars(text)


def test_the_highest_price_is_taken():
    assert read_dollars("10000") == PRICE_DOLLARS_MAX


def test_a_price_names_token_and_wallet_as_wallets_show_them():
    asked = price(Ask("0.25", BASE, WALLET.lower(), SITE.accepted[1].asset.address.lower()), SITE)
    assert asked.network == BASE
    assert asked.asset == SITE.accepted[1].asset.address
    assert asked.pay_to == WALLET
    assert asked.amount_atomic == 250_000


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (Ask("0.0009", SEPOLIA, WALLET), "price"),
        (Ask("0.0019", BASE, WALLET), "price"),
        (Ask("100.01", BASE, WALLET), "price"),
        (Ask("0.01", "eip155:1", WALLET), "network"),
        (Ask("0.01", SEPOLIA, WALLET, OTHER_WALLET), "network"),
        (Ask("0.01", SEPOLIA, WALLET, "0x12"), "asset"),
        (Ask("0.01", SEPOLIA, "0x" + "0" * 40), "pay_to"),
        (Ask("0.01", SEPOLIA, TOKEN), "pay_to"),
        (Ask("0.01", SEPOLIA, TOKEN.lower()), "pay_to"),
        (Ask("0.01", SEPOLIA, "vitalik.eth"), "pay_to"),
        (Ask("0.01", SEPOLIA, WALLET.replace("DeaD", "dEaD")), "pay_to"),
    ],
)
def test_a_price_nobody_should_publish_is_refused(ask, field):
    with pytest.raises(ListingRefused) as refused:
        price(ask, SITE)
    assert refused.value.field == field


def test_a_price_at_the_floor_is_taken():
    assert price(Ask("0.001", SEPOLIA, WALLET), SITE).amount_atomic == 1_000


def test_a_price_of_all_that_may_be_unsettled_is_taken():
    assert price(Ask("100", SEPOLIA, WALLET), SITE).amount_atomic == 100_000_000
