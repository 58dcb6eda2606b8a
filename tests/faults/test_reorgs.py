"""Blocks are undone: what is said follows the chain, down and up again, on both sides."""

from __future__ import annotations

import pytest

from tests.faults.invariants import statement
from tests.faults.market import SHORT_SECONDS, Market, Paper
from tests.fixtures.wallet import ask

BURIED = 9  # deeper than any reorganisation here


def settled(market: Market) -> Paper:
    """A payment whose block is the newest, on a chain whose past is out of reach."""
    sold, buyer = market.sell(), market.buyer()
    market.chain.mine(BURIED)
    paper = market.sign(sold, buyer, named=True)
    assert market.send(paper).status == 200
    market.wait_money(paper, "settled")
    return paper


def phases(market: Market, paper: Paper) -> list[str]:
    query = "select phase from payments_transfer where payment_id = %s order by at"
    return [row[0] for row in market.stack.rows(query, market.row(paper)["id"])]


def receipts(market: Market, paper: Paper) -> list[str]:
    query = "select jws from payments_receipt where payment_id = %s order by version"
    found = market.stack.rows(query, market.row(paper)["id"])
    return [statement({"jws": row[0]})["status"] for row in found]


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_undone_before_it_was_final_it_is_collected_again(market: Market, depth: int) -> None:
    paper = settled(market)
    before = market.row(paper)

    market.chain.reorg(depth)

    market.wait(lambda: market.row(paper)["version"] > before["version"], "the reorg seen")
    market.confirm(paper)
    assert market.paid(paper) == 10_000
    assert phases(market, paper) == ["pending", "post"]
    assert receipts(market, paper) == ["final"]
    assert market.send(paper).status == 200
    market.buy()


@pytest.mark.parametrize("depth", [3, 6])
def test_undone_after_it_was_final_it_is_reversed_and_collected_again(
    market: Market, depth: int
) -> None:
    paper = settled(market)
    market.chain.mine(1)
    market.wait_money(paper, "confirmed")
    first = market.row(paper)["version"]

    market.chain.mine(depth - 2 - (market.chain.height - block_of(market, paper) - 1))
    market.chain.reorg(depth)

    market.wait(lambda: market.row(paper)["version"] > first, "the reversal")
    market.confirm(paper)
    assert market.paid(paper) == 10_000
    assert phases(market, paper) == ["pending", "post", "reverse", "post"]
    assert receipts(market, paper) == ["final", "reversed", "final"]
    url = f"{market.stack.base_url}/p/{market.row(paper)['id']}/receipt"
    shown = ask(url, headers={"Accept": "application/json"})
    assert shown.status == 200
    market.buy()


def block_of(market: Market, paper: Paper) -> int:
    query = "select block_number from payments_progress where payment_id = %s"
    return int(market.stack.rows(query, market.row(paper)["id"])[0][0])


def test_a_reorg_above_it_changes_nothing(market: Market) -> None:
    paper = settled(market)
    market.chain.mine(2)
    market.wait_money(paper, "confirmed")
    version = market.row(paper)["version"]

    market.chain.reorg(1)
    market.buy()

    assert market.row(paper)["version"] == version


def test_many_payments_undone_at_once_are_all_collected_again(market: Market) -> None:
    sold = market.sell()
    buyers = [market.buyer() for _ in range(8)]
    market.chain.mine(BURIED)
    papers = [market.sign(sold, buyer, named=True) for buyer in buyers]
    asked = [market.callers.submit(market.until_answered, paper) for paper in papers]
    assert {each.result().status for each in asked} == {200}

    market.chain.reorg(6)
    market.chain.reorg(3)

    market.quiet()
    assert {market.money(paper) for paper in papers} == {"confirmed"}
    assert market.paid(papers[0]) == 80_000
    market.buy()


def test_what_was_undone_and_can_no_longer_be_paid_is_said_to_have_failed(market: Market) -> None:
    """The buyer has the answer; the reorg and a drained wallet took its price away."""
    sold, buyer = market.sell(), market.buyer("0.01")
    market.chain.mine(BURIED)
    paper = market.sign(sold, buyer, named=True, seconds=SHORT_SECONDS)
    assert market.send(paper).status == 200
    market.chain.mine(1)
    market.wait_money(paper, "confirmed")

    market.chain.reorg(3)
    market.chain.blacklist(buyer.address)

    market.wait_money(paper, "broadcast", "none")
    with market.later(SHORT_SECONDS + 1):
        market.wait_state(paper, ("answered", "failed"))
    market.chain.unblacklist(buyer.address)
    assert phases(market, paper) == ["pending", "post", "reverse"]
    assert receipts(market, paper)[-1] == "reversed"
    market.buy()


def test_an_undone_block_that_was_never_the_newest_keeps_its_number(market: Market) -> None:
    """The settler saw the blocks around it only; it must not take a second number for it."""
    paper = market.sign(market.sell(), market.buyer(), named=True)
    market.chain.mine(BURIED)
    market.chain.pause()
    market.told_to_wait(paper)
    number = market.row(paper)["relayer_nonce"]
    market.stop(market.worker)
    market.chain.resume()
    market.chain.mine(4)
    market.go_on()
    market.wait_money(paper, "confirmed")
    before = market.row(paper)["version"]

    market.chain.reorg(market.chain.height - block_of(market, paper) + 1)

    market.wait(lambda: market.row(paper)["version"] > before, "the reversal")
    market.confirm(paper)
    assert market.row(paper)["relayer_nonce"] == number
    market.buy()
