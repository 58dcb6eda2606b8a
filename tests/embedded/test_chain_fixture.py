"""The fixture does to the chain what its methods say, and tidies up."""

import secrets
from decimal import Decimal
from pathlib import Path

import pytest
from eth_account import Account

from marketplace.embedded.chain import DOLLAR, Anvil
from marketplace.embedded.rpc import NodeRefusedError
from tests.embedded.authorizations import Payment, refusal
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain, calldata

NOTHING = calldata("paused()")


@pytest.mark.parametrize("turn", ["first", "second"])
def test_nothing_of_one_test_reaches_the_next(chain: Chain, cast: type[Cast], turn: str) -> None:
    assert chain.atomic_of(cast.moderator.address) == 0
    assert chain.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    receipt = chain.receipt(chain.send(DOLLAR, NOTHING))
    assert receipt["status"] == "0x1"
    chain.fund(cast.moderator.address, 1)
    chain.mine(5)
    chain.pause()
    chain.send(DOLLAR, NOTHING)


def test_mining_adds_blocks(chain: Chain) -> None:
    before = chain.height
    chain.mine()
    chain.mine(3)
    assert chain.height == before + 4


def test_time_moves_when_told(chain: Chain) -> None:
    target = chain.now + 3_600
    chain.move_to(target)
    assert chain.now == target


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_reorganisation_replaces_blocks_and_drops_their_transactions(
    chain: Chain, cast: type[Cast], depth: int
) -> None:
    kept = chain.send(DOLLAR, NOTHING)
    chain.fund(cast.buyer.address, 1)
    paid = chain.send(DOLLAR, Payment(cast.buyer, cast.seller.address).call("split"))
    chain.mine(depth - 1)
    height, old = chain.height, [chain.block(chain.height - back) for back in range(depth + 1)]
    chain.reorg(depth)
    assert chain.height == height
    new = [chain.block(height - back) for back in range(depth + 1)]
    for back in range(depth):
        assert new[back]["hash"] != old[back]["hash"]
        assert new[back]["parentHash"] == new[back + 1]["hash"]
    assert new[depth]["hash"] == old[depth]["hash"]
    assert chain.receipt(paid) == {}
    assert chain.rpc("eth_getTransactionByHash", [paid]) is None
    assert chain.receipt(kept)
    assert chain.atomic_of(cast.seller.address) == 0
    assert chain.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}


def test_the_node_writes_nothing_into_the_home_folder(
    anvil_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    anvil = Anvil(anvil_binary, block_seconds=0)
    process = anvil.start(tmp_path / "anvil.log")
    try:
        chain = Chain(anvil.rpc_url)
        chain.mine(20)
        chain.reorg(3)
    finally:
        anvil.stop(process)
    assert list(home.iterdir()) == []


def test_a_dropped_transaction_can_be_mined_again(chain: Chain, cast: type[Cast]) -> None:
    chain.set_balance(cast.buyer.address, 10**18)
    raw = signed_transaction(chain, cast)
    sent = chain.rpc("eth_sendRawTransaction", [raw])
    chain.mined(sent)
    chain.reorg(1)
    assert chain.receipt(sent) == {}
    assert chain.rpc("eth_sendRawTransaction", [raw]) == sent
    assert chain.mined(sent)["status"] == "0x1"


def test_a_paused_chain_takes_transactions_and_mines_none(chain: Chain, cast: type[Cast]) -> None:
    chain.pause()
    height = chain.height
    sent = chain.send(DOLLAR, NOTHING)
    assert chain.receipt(sent) == {}
    assert chain.rpc("txpool_status")["pending"] == "0x1"
    assert chain.height == height
    chain.resume()
    assert chain.receipt(sent)
    assert chain.receipt(chain.send(DOLLAR, NOTHING))


def test_a_dropped_waiting_transaction_is_forgotten(chain: Chain) -> None:
    chain.pause()
    sent = chain.send(DOLLAR, NOTHING)
    chain.drop(sent)
    chain.resume()
    chain.mine()
    assert chain.rpc("eth_getTransactionByHash", [sent]) is None


def test_money_is_counted_in_dollars_and_in_millionths(chain: Chain, cast: type[Cast]) -> None:
    chain.fund(cast.buyer.address, Decimal("1.25"), wei=9)
    assert chain.dollars_of(cast.buyer.address) == Decimal("1.25")
    assert chain.atomic_of(cast.buyer.address) == 1_250_000
    assert int(chain.rpc("eth_getBalance", [cast.buyer.address, "latest"]), 16) == 9


def test_the_tokens_switches_go_both_ways(chain: Chain, cast: type[Cast]) -> None:
    chain.fund(cast.buyer.address, 1)
    pay = Payment(cast.buyer, cast.seller.address).call("split")
    chain.blacklist(cast.buyer.address)
    assert "blacklisted" in refusal(chain, pay)
    chain.unblacklist(cast.buyer.address)
    chain.pause_token()
    assert "paused" in refusal(chain, pay)
    chain.unpause_token()
    chain.send(DOLLAR, pay)
    assert chain.atomic_of(cast.seller.address) == 250_000


def test_a_payer_takes_an_authorization_back(chain: Chain, cast: type[Cast]) -> None:
    chain.fund(cast.buyer.address, 1)
    nonce = secrets.token_bytes(32)
    chain.cancel(cast.buyer.private_key, nonce)
    pay = Payment(cast.buyer, cast.seller.address, nonce=nonce).call("split")
    assert "used or canceled" in refusal(chain, pay)


def test_a_refused_transaction_is_mined_as_refused(chain: Chain, cast: type[Cast]) -> None:
    pay = Payment(cast.other_buyer, cast.seller.address).call("split")
    assert chain.receipt(chain.send(DOLLAR, pay))["status"] == "0x0"


def test_one_transaction_may_not_use_more_gas_than_the_network_allows(
    chain: Chain, cast: type[Cast]
) -> None:
    chain.set_balance(cast.buyer.address, 10**18)
    with pytest.raises(NodeRefusedError):
        chain.rpc("eth_sendRawTransaction", [signed_transaction(chain, cast, gas=2**24 + 1)])
    assert chain.rpc("eth_sendRawTransaction", [signed_transaction(chain, cast, gas=2**24)])


def test_roles_are_fixed_and_distinct(cast: type[Cast]) -> None:
    everyone = [
        cast.seller,
        cast.other_seller,
        cast.buyer,
        cast.other_buyer,
        cast.moderator,
        cast.attacker,
    ]
    assert len({person.address for person in everyone}) == len(everyone)
    for person in everyone:
        assert person.account.address == person.address


def signed_transaction(chain: Chain, cast: type[Cast], gas: int = 100_000) -> str:
    transaction = {
        "type": 2,
        "chainId": chain.chain_id,
        "nonce": int(chain.rpc("eth_getTransactionCount", [cast.buyer.address, "latest"]), 16),
        "to": DOLLAR,
        "value": 0,
        "data": NOTHING,
        "gas": gas,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 1,
    }
    signed = Account.sign_transaction(transaction, cast.buyer.private_key)
    return "0x" + bytes(signed.raw_transaction).hex()
