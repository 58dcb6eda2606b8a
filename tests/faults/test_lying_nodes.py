"""The node lies, repeats itself, stalls and fails: nothing it says alone moves money."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import stranger
from tests.faults.market import HASTY, PAID, SHORT_SECONDS, Market, Paper
from tests.fixtures.rpc_proxy import Fault

LOOKS = 4  # one more than would stop the key
RECEIPT = "eth_getTransactionReceipt"
LIES = 3  # so often it is told before we ask whether it was believed


def finish(market: Market, paper: Paper) -> None:
    """The truth again: the payment ends once, and so does the next."""
    market.rpc.heal()
    if market.row(paper):
        market.hurry(paper)
    assert market.until_answered(paper).status == 200
    assert market.paid(paper) == 10_000
    market.buy()


def is_not_believed(market: Market, paper: Paper, lying: Fault) -> None:
    market.wait(lambda: lying.met >= LIES, "that it is told again and again")
    assert market.send(paper, web=HASTY).status == 503
    assert market.money(paper) == "broadcast"


def without_events(true: Any) -> Any:
    return true and {**true, "logs": []}


def failed(true: Any) -> Any:
    return true and {**true, "status": "0x0", "logs": []}


def elsewhere(true: Any) -> Any:
    return true and {**true, "blockHash": "0x" + "ab" * 32}


@pytest.mark.parametrize("lie", [without_events, failed, elsewhere])
def test_a_false_receipt_is_no_proof(market: Market, lie: Any) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    lying = market.rpc.lie(RECEIPT, lie)

    market.told_to_wait(paper)

    is_not_believed(market, paper, lying)
    finish(market, paper)


def test_a_node_that_misplaces_our_receipts_makes_no_stranger_of_our_key(market: Market) -> None:
    """Our transaction used the number; that we cannot trust its receipt is no foreign use."""
    paper = market.sign(market.sell(), market.buyer(), named=True)
    market.rpc.lie(RECEIPT, elsewhere)
    market.told_to_wait(paper)
    seen = market.rpc.count("eth_getBalance")

    market.wait(lambda: market.rpc.count("eth_getBalance") >= seen + LOOKS, "looks at the key")

    assert market.stack.rows("select stopped_why from payments_relayer") == [("",)]
    finish(market, paper)


def test_the_receipt_of_another_transaction_is_no_proof(market: Market) -> None:
    other = market.buy()
    true = market.chain.receipt("0x" + market.row(other)["transaction"].hex())
    paper = market.sign(market.sell(), market.buyer(), named=True)
    lying = market.rpc.lie(RECEIPT, lambda mine: mine and true)
    market.told_to_wait(paper)

    is_not_believed(market, paper, lying)
    finish(market, paper)


def test_a_receipt_that_comes_too_early_is_no_proof(market: Market) -> None:
    """A node that promises the events before any block holds them."""
    paper = market.sign(market.sell(), market.buyer(), named=True)
    market.chain.pause()
    market.told_to_wait(paper)
    sent = market.send(paper, web=HASTY).settlement["transaction"]
    false = {
        "transactionHash": sent, "status": "0x1", "blockNumber": hex(market.chain.height + 1),
        "blockHash": "0x" + "cd" * 32, "gasUsed": "0x1", "effectiveGasPrice": "0x1",
        "logs": market.chain.rpc("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}])[-2:],
    }  # fmt: skip
    lying = market.rpc.lie(RECEIPT, false)

    is_not_believed(market, paper, lying)
    market.rpc.heal()
    market.chain.resume()
    finish(market, paper)


def test_a_repeated_answer_is_no_news(market: Market) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    for method in (RECEIPT, "eth_getTransactionCount", "eth_call"):
        market.rpc.replay(method)
    market.send(paper)
    finish(market, paper)


def test_a_simulation_that_promises_too_much_charges_nobody(market: Market) -> None:
    """The buyer has no money; the node says that all is well, and we ask twice."""
    sold = market.sell()
    buyer = market.buyer("0.001")
    paper = market.sign(sold, buyer, named=True, seconds=SHORT_SECONDS)
    market.rpc.lie("eth_call", lambda _: "0x")

    said = market.send(paper)

    assert said.status in (402, 503)
    assert "payment-response" not in said.headers or not said.settlement["success"]
    assert market.paid(paper) == 0
    market.rpc.heal()
    if market.row(paper):
        with market.later(SHORT_SECONDS + 1):
            market.hurry(paper)
            market.wait_money(paper, "failed")
    market.buy(sold)


DOWN = {
    "silent": lambda market: market.rpc.drop(times=None),
    "failing": lambda market: market.rpc.fail(times=None),
    "stalled": lambda market: market.rpc.hold(times=None),
    "refusing": lambda market: market.rpc.refuse(
        "eth_call", -32_000, "header not found", times=None
    ),
}


@pytest.mark.parametrize("fall", DOWN.values(), ids=DOWN)
def test_without_a_node_nothing_is_claimed(market: Market, fall: Any) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    fall(market)

    said = market.send(paper)

    assert said.status == 503
    assert int(said.headers["retry-after"]) > 0
    assert market.row(paper) == {}
    assert market.calls(sold) == 0
    finish(market, paper)


@pytest.mark.parametrize("fall", [DOWN["silent"], DOWN["stalled"]], ids=["silent", "stalled"])
def test_an_answer_in_hand_outlasts_the_node(market: Market, fall: Any) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(paper, web=HASTY)
    market.wait(lambda: market.calls(sold), "the call")
    fall(market)
    gate.open()

    assert asked.result().status == 503
    assert market.state(paper) == ("answered", "none")
    finish(market, paper)
    assert market.calls(sold) == 1


def test_a_node_without_logs_holds_up_only_what_it_must_find(market: Market) -> None:
    """One payment that cannot be collected comes up together with one that can, every time."""
    sold, gate = market.gated()
    poor = market.buyer()
    stuck, good = market.sign(sold, poor, named=True), market.sign(sold, market.buyer())
    asked = [market.sending(stuck), market.sending(good)]
    market.wait(lambda: market.calls(sold) == 2, "the calls")
    stranger.drain(market, poor)
    market.stop(market.worker)
    gate.open()
    market.wait_state(stuck, ("answered", "none"))
    market.wait_state(good, ("answered", "none"))
    market.rpc.fail("eth_getLogs", times=None)
    market.go_on()

    market.wait_money(good, *PAID)

    assert market.money(stuck) == "none"
    market.rpc.heal()
    market.chain.fund(poor.address, 1)
    assert market.until_answered(stuck).status == 200
    assert {each.result().status for each in asked} <= {200, 503}
