"""The money takes long, or the buyer does not wait: never a second charge, never a new price."""

from __future__ import annotations

import pytest

from tests.faults.market import Market
from tests.fixtures.wallet import ask


def test_while_no_block_comes_the_buyer_is_told_to_wait(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    market.chain.pause()

    said = market.send(paper)

    assert said.status == 503
    assert int(said.headers["retry-after"]) > 0
    assert said.settlement["success"] is False
    assert said.settlement["errorReason"] == "settlement_pending"
    assert said.settlement["transaction"].startswith("0x")
    assert "payment-required" not in said.headers
    status = ask(said.json["status_url"], headers={"Accept": "application/json"})
    assert status.status == 200
    assert status.json["payment"] == str(market.row(paper)["id"])
    assert market.send(paper, web=1).status == 503

    market.chain.resume()

    assert market.until_answered(paper).status == 200
    assert market.paid(paper) == 10_000
    assert market.calls(sold) == 1


def test_whoever_gave_up_waiting_is_answered_by_a_fresh_payment(market: Market) -> None:
    """As a client does whose patience is shorter than the call: it signs anew and asks again."""
    sold, gate = market.gated()
    buyer = market.buyer()
    impatient, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    with pytest.raises(TimeoutError):
        market.send(impatient, seconds=1)
    again = market.sending(fresh, web=1)
    gate.open()

    said = again.result()

    assert said.status == 200
    assert said.headers["x-souk-joined"] == str(market.row(impatient)["id"])
    assert market.row(fresh) == {}, "the second authorization was never claimed"
    assert market.paid(fresh) == 10_000
    assert market.calls(sold) == 1
    third = market.sign(sold, buyer)
    assert "x-souk-joined" not in market.send(third).headers, "collected: the rule is spent"


def test_whoever_was_told_to_wait_is_answered_by_a_fresh_payment(market: Market) -> None:
    sold = market.sell()
    buyer = market.buyer("0.01")  # which the first payment takes to the last cent
    told, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    market.chain.pause()
    assert market.send(told).status == 503
    market.chain.resume()
    market.wait_money(told, "settled", "confirmed")

    said = market.send(fresh)

    assert said.status == 200
    assert said.headers["x-souk-joined"] == str(market.row(told)["id"])
    assert market.paid(told) == 10_000


def test_two_calls_that_both_still_wait_are_two_purchases(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    papers = [market.sign(sold, buyer), market.sign(sold, buyer)]
    asked = [market.sending(paper) for paper in papers]
    market.wait(lambda: market.calls(sold) == 2, "both calls")
    gate.open()

    assert [each.result().status for each in asked] == [200, 200]
    assert market.paid(papers[0]) == 20_000


def test_a_fresh_payment_can_insist_on_a_purchase_of_its_own(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    left, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    with pytest.raises(TimeoutError):
        market.send(left, seconds=1)
    gate.open()

    said = market.send(fresh, **{"X-Souk-Fresh": "1"})

    assert said.status == 200
    assert "x-souk-joined" not in said.headers
    assert market.paid(fresh) == 20_000


def test_two_fresh_payments_do_not_share_one_abandoned_answer(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    left, *fresh = (market.sign(sold, buyer) for _ in range(3))
    with pytest.raises(TimeoutError):
        market.send(left, seconds=1)
    asked = [market.sending(paper, web=web) for web, paper in enumerate(fresh)]
    gate.open()

    said = [each.result() for each in asked]

    assert [each.status for each in said] == [200, 200]
    assert sum("x-souk-joined" in each.headers for each in said) == 1
    assert market.paid(left) == 20_000
