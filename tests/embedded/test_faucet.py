"""The faucet gives demo dollars, and only where dollars are play money."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain


@pytest.fixture
def told(chain: Chain, settings: Settings) -> StringIO:
    settings.DEMO_CHAIN_RPC = chain.rpc_url
    return StringIO()


def test_it_gives_ten_dollars(chain: Chain, told: StringIO, cast: type[Cast]) -> None:
    call_command("faucet", cast.buyer.address, stdout=told)
    assert chain.atomic_of(cast.buyer.address) == 10_000_000
    assert told.getvalue() == f"{cast.buyer.address} got 10 demo dollars.\n"


def test_it_gives_what_is_asked(chain: Chain, told: StringIO, cast: type[Cast]) -> None:
    call_command("faucet", cast.buyer.address.lower(), "--amount", "0.000001", stdout=told)
    assert chain.atomic_of(cast.buyer.address) == 1


def test_it_refuses_without_a_demo_chain(settings: Settings, cast: type[Cast]) -> None:
    settings.DEMO_CHAIN_RPC = ""
    with pytest.raises(CommandError, match="There is no demo chain here"):
        call_command("faucet", cast.buyer.address)


def test_it_refuses_when_the_demo_chain_is_down(
    settings: Settings, cast: type[Cast], closed_port: int
) -> None:
    settings.DEMO_CHAIN_RPC = f"http://127.0.0.1:{closed_port}"
    with pytest.raises(CommandError, match="No EVM node answers"):
        call_command("faucet", cast.buyer.address)


def test_it_refuses_a_node_elsewhere(settings: Settings, cast: type[Cast]) -> None:
    settings.DEMO_CHAIN_RPC = "http://192.0.2.1:8545"
    with pytest.raises(CommandError, match="not a node on this machine"):
        call_command("faucet", cast.buyer.address)


def test_it_refuses_another_chain(told: StringIO, chain: Chain, cast: type[Cast]) -> None:
    chain.rpc("anvil_setChainId", [8453])
    try:
        with pytest.raises(CommandError, match=r"is no demo chain: .* chain 8453"):
            call_command("faucet", cast.buyer.address)
    finally:
        chain.rpc("anvil_setChainId", [chain.chain_id])


@pytest.mark.parametrize("address", ["0x", "seller", "0x" + "1" * 39, "0x" + "g" * 40])
def test_it_refuses_what_is_no_address(told: StringIO, address: str) -> None:
    with pytest.raises(CommandError, match="is no address"):
        call_command("faucet", address)


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "0.0000001", "1000001", "ten"])
def test_it_refuses_what_is_no_amount(told: StringIO, cast: type[Cast], amount: str) -> None:
    with pytest.raises(CommandError, match="dollars"):
        call_command("faucet", cast.buyer.address, f"--amount={amount}")
