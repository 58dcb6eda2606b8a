"""Play money is given on the demo chain alone, to who has little, and not without an end."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from marketplace import faucet
from marketplace.embedded.rpc import NodeSilentError
from tests.fixtures.cast import Cast

WALLET = {"address": Cast.buyer.address}


class Chain:
    """A node that keeps one balance."""

    def __init__(self, atomic: int) -> None:
        self.atomic = atomic
        self.fills: list[int] = []

    def balance(self, address: str) -> int:
        return self.atomic

    def fund(self, rpc_url: str, address: str, dollars_atomic: int, wei: int) -> None:
        self.fills.append(dollars_atomic)
        self.atomic += dollars_atomic


@pytest.fixture
def chain(settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None) -> Chain:
    chain = Chain(0)
    settings.DEMO_CHAIN_RPC = "http://127.0.0.1:1"
    monkeypatch.setattr(faucet, "_balance", chain.balance)
    monkeypatch.setattr(faucet, "fund", chain.fund)
    return chain


def test_an_empty_wallet_is_filled_and_a_full_one_left_alone(chain: Chain) -> None:
    for _ in range(3):
        said = Client().post("/demo/faucet", WALLET)
        assert (said.status_code, said.json()["balance"]) == (200, "10000000")
    assert chain.fills == [10_000_000]


def test_filling_ends_for_a_while(chain: Chain, settings: Settings) -> None:
    settings.DEMO_FILLS_MAX = 2
    for status in (200, 200, 429):
        chain.atomic = 1
        assert Client().post("/demo/faucet", WALLET).status_code == status
    assert len(chain.fills) == 2


@pytest.mark.parametrize("address", ["", "0x12", "me", "0x" + "g" * 40])
def test_only_an_address_is_filled(chain: Chain, address: str) -> None:
    assert Client().post("/demo/faucet", {"address": address}).status_code == 400
    assert chain.fills == []


def test_another_site_cannot_have_wallets_filled(chain: Chain) -> None:
    said = Client(enforce_csrf_checks=True).post("/demo/faucet", WALLET)

    assert said.status_code == 403
    assert chain.fills == []


def test_a_chain_that_is_silent_is_said_to_be(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(address: str) -> int:
        raise NodeSilentError("secret address")

    monkeypatch.setattr(faucet, "_balance", silent)
    said = Client().post("/demo/faucet", WALLET)

    assert said.status_code == 503
    assert "secret" not in said.content.decode()


def test_there_is_no_faucet_where_money_is_worth_something(settings: Settings) -> None:
    settings.DEMO_CHAIN_RPC = ""
    assert Client().post("/demo/faucet", WALLET).status_code == 404
    assert Client().get("/demo/faucet").status_code == 405
