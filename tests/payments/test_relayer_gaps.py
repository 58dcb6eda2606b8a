"""What our relayers sent and no row knows is found on the chain, whoever was paid by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from marketplace.embedded.chain import CHAIN_ID, DOLLAR_NAME, DOLLAR_VERSION, ONE_ETHER
from payments import audit_log, restored
from payments.auditing.reconcile import Result, reconcile
from payments.auditing.remedies import look_again
from payments.models import Relayer
from payments.restored import WHY, Standing
from tests.faults.stranger import TRANSFER
from tests.fixtures.cast import Cast, person
from tests.fixtures.chain import Chain, calldata
from tests.fixtures.purchases import NETWORK, USDC, Purchases
from tests.fixtures.rpc_proxy import RpcProxy
from tests.fixtures.wallet import authorize

Make = Callable[[Callable[[Purchases], Awaitable[Any]]], Any]
KEY = person("a relayer of a lost database").address
SENT = 3
PRICE = 2_000


def settle(chain: Chain, payee: str) -> None:
    """A buyer's authorization, carried out by our relayer, in a block of its own."""
    offer = {
        "payTo": payee, "amount": str(PRICE), "maxTimeoutSeconds": 300, "network": NETWORK,
        "asset": USDC, "extra": {"name": DOLLAR_NAME, "version": DOLLAR_VERSION},
    }  # fmt: skip
    challenge = {"accepts": [offer], "resource": {}}
    signed = authorize(challenge, Cast.buyer, now=chain.now)["payload"]
    terms, signature = signed["authorization"], bytes.fromhex(signed["signature"][2:])
    call = calldata(
        TRANSFER, terms["from"], terms["to"], int(terms["value"]), 0, int(terms["validBefore"]),
        bytes.fromhex(terms["nonce"][2:]), signature[64], signature[:32], signature[32:64],
    )  # fmt: skip
    assert int(chain.mined(chain.send(USDC, call, KEY))["status"], 16) == 1
    chain.mine(4)


@pytest.fixture
def lost(chain: Chain, transactional_db: None) -> Chain:
    """Our relayer paid a wallet of which the restored rows have never heard."""
    assert chain.chain_id == CHAIN_ID
    chain.fund(Cast.buyer.address, 1)
    chain.set_balance(KEY, ONE_ETHER)
    for _ in range(SENT):
        settle(chain, Cast.other_seller.address)
    return chain


def compare(make_purchase: Make, rpc_url: str, **more: Any) -> Result:
    async def run(purchases: Purchases) -> Result:
        return await reconcile(
            purchases.pool, network=NETWORK, asset=USDC, rpc_url=rpc_url, confirmations=1,
            **{"from_block": None, "to_block": None, "by_facilitators": False} | more,
        )  # fmt: skip

    found: Result = make_purchase(run)
    return found


def keep_row(next_nonce: int, stopped_why: str = "") -> None:
    Relayer.objects.create(
        network=NETWORK, address=KEY, next_nonce=next_nonce, stopped_why=stopped_why
    )


def kinds(result: Result) -> list[str]:
    return [each.kind for each in result.differences]


def test_payments_to_a_wallet_that_the_backup_does_not_know_are_named(
    lost: Chain, make_purchase: Make
) -> None:
    keep_row(0, WHY)
    result = compare(make_purchase, lost.rpc_url)
    assert kinds(result) == ["unknown"] * SENT
    assert {each.pay_to for each in result.unknown} == {Cast.other_seller.address}


def test_transactions_that_the_rows_count_are_no_gap(lost: Chain, make_purchase: Make) -> None:
    keep_row(SENT)
    assert kinds(compare(make_purchase, lost.rpc_url)) == []


def test_they_are_named_after_the_relayer_went_on_and_written_down_for_good(
    lost: Chain, make_purchase: Make
) -> None:
    keep_row(0, WHY)
    assert restored.adopt(Standing(NETWORK, KEY, 0, SENT, SENT, 0, WHY), by="command:relayer")
    settle(lost, Cast.other_seller.address)
    Relayer.objects.update(next_nonce=SENT + 1)  # sent since, and known
    result = compare(make_purchase, lost.rpc_url)
    assert kinds(result) == ["unknown"] * SENT
    look_again(result, by="command:reconcile")
    again = compare(make_purchase, lost.rpc_url)
    assert (again.differences, again.lost) == ([], SENT)


def test_what_a_key_sent_elsewhere_is_not_looked_for_without_a_restore(
    lost: Chain, make_purchase: Make
) -> None:
    """It has a row since this installation knows it, which began where the chain stood."""
    keep_row(SENT)
    assert kinds(compare(make_purchase, lost.rpc_url)) == []
    audit_log.record("command:restore", "database.restored", "site:database")
    assert kinds(compare(make_purchase, lost.rpc_url)) == ["unknown"] * SENT


def test_a_node_that_let_go_of_old_states_makes_a_difference_that_says_what_to_do(
    lost: Chain, make_purchase: Make, rpc_proxy: RpcProxy
) -> None:
    keep_row(0, WHY)
    rpc_proxy.lie("eth_getTransactionCount", lambda true: true, at=1)  # how many it has sent
    rpc_proxy.refuse("eth_getTransactionCount", -32_000, "missing trie node", times=None)
    result = compare(make_purchase, rpc_proxy.url)
    assert kinds(result) == ["unseen"]
    assert "archive node" in result.differences[0].why
    look_again(result, by="command:reconcile")
    rpc_proxy.heal()
    assert kinds(compare(make_purchase, rpc_proxy.url)) == ["unknown"] * SENT


def test_a_transaction_that_paid_nobody_is_no_difference(chain: Chain, make_purchase: Make) -> None:
    chain.set_balance(KEY, ONE_ETHER)
    chain.send(KEY, "0x", KEY)
    keep_row(0, WHY)
    assert kinds(compare(make_purchase, chain.rpc_url)) == []


def test_blocks_that_the_gap_is_not_in_are_compared_without_it(
    lost: Chain, make_purchase: Make
) -> None:
    keep_row(0, WHY)
    before = lost.height
    assert kinds(compare(make_purchase, lost.rpc_url, from_block=before + 1)) == []
    assert kinds(compare(make_purchase, lost.rpc_url, from_block=before)) == ["unknown"] * SENT


def test_of_a_facilitators_network_it_says_what_it_cannot_find(
    chain: Chain, make_purchase: Make
) -> None:
    assert compare(make_purchase, chain.rpc_url).not_covered == ""
    said = compare(make_purchase, chain.rpc_url, by_facilitators=True).not_covered
    assert "a facilitator settled" in said
