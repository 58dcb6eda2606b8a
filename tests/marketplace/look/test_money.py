"""Money on a page: never rounded to nothing, never scientific, and with its units at hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.template import Context, Template

from marketplace.look.money import figure_of
from payments.amounts import Amount, grouped
from payments.x402.networks import DEFAULT_ASSETS

TEST_DOLLAR = next(asset for asset in DEFAULT_ASSETS if asset.network == "eip155:84532")


def dollars(atomic: int) -> Amount:
    return Amount.of(TEST_DOLLAR.network, TEST_DOLLAR.address, atomic)


@pytest.mark.parametrize(
    ("atomic", "shown", "token"),
    [
        (0, "$0.00", "0 USDC"),
        (1, "< $0.0001", "0.000001 USDC"),
        (5_000, "$0.005", "0.005 USDC"),
        (1_500_000, "$1.50", "1.5 USDC"),
        (-2_500_000, "−$2.50", "−2.5 USDC"),
        (12_345_678_901_234, "$12,345,678.901234", "12,345,678.901234 USDC"),
        (10**24, "$1,000,000,000,000,000,000.00", "1,000,000,000,000,000,000 USDC"),
    ],
)
def test_an_amount_is_said_exactly(atomic: int, shown: str, token: str) -> None:
    figure = figure_of(dollars(atomic))

    assert (figure.dollars, figure.token) == (shown, token)
    assert str(atomic) in figure.units


def test_of_an_unknown_token_only_the_units_are_said() -> None:
    figure = figure_of(Amount.of("eip155:8453", "0x" + "ab" * 20, 42))

    assert (figure.dollars, figure.token) == ("", "42 units of 0x" + "ab" * 20)
    assert figure.network == "Base"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$999", "$999"), ("$1000.5", "$1,000.5"), ("< $0.0001", "< $0.0001"), ("none", "none")],
)
def test_thousands_are_set_apart(text: str, expected: str) -> None:
    assert grouped(text) == expected


@pytest.mark.parametrize("badge", [True, False])
def test_the_network_stands_beside_it_unless_it_is_said_already(badge: bool) -> None:
    template = Template("{% load souk %}{% money amount badge=badge %}")
    page = template.render(Context({"amount": dollars(5_000), "badge": badge}))

    assert "$0.005" in page
    assert ("test network" in page) is badge


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("eip155:8453", '<span class="badge">Base</span>'),
        ("eip155:84532", '<span class="badge test">Base Sepolia, test network</span>'),
        ("eip155:999999", '<span class="badge">eip155:999999</span>'),
    ],
)
def test_a_network_is_named_by_itself(network: str, said: str) -> None:
    page = Template("{% load souk %}{% network key %}").render(Context({"key": network}))

    assert page.strip() == said


def test_what_an_amount_is_of_tells_play_money_from_income() -> None:
    assert dollars(1).kind == "USDC on Base Sepolia (test network)"
    assert Amount.of("eip155:8453", "0x" + "ab" * 20, 1).kind == "base units on Base"
    assert Amount(1, "0x", None, None).kind == "base units"


def test_templates_write_thousands_apart_wherever_an_amount_is_words() -> None:
    page = Template("{% load souk %}{{ sum|plain }} {{ amount.text|grouped }}")
    said = page.render(Context({"sum": Decimal("1234567.500000"), "amount": dollars(10**15 + 1)}))

    assert said == "1,234,567.5 1,000,000,000.000001 USDC"
