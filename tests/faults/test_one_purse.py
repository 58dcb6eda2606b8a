"""A wallet buys no more at once than it holds: nobody works for what it could not pay."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from tests.faults.market import Market
from tests.fixtures.upstream import answer


def test_a_wallet_that_holds_three_prices_is_worked_for_three_times(market: Market) -> None:
    sold = market.sell(dollars="0.10")
    buyer = market.buyer("0.35")
    papers = [market.sign(sold, buyer) for _ in range(10)]
    market.chain.pause()

    asked = [market.sending(paper, web=turn % 2) for turn, paper in enumerate(papers)]
    said = Counter(each.result().json["error"] for each in asked)

    assert said == {"settlement_pending": 3, "wallet_spoken_for": 7}
    assert market.calls(sold) == 3
    market.chain.resume()
    market.quiet()
    assert market.chain.dollars_of(buyer.address) == Decimal("0.05")
    left = next(paper for paper in papers if not market.row(paper))
    said_then = market.send(left, **{"X-Souk-Fresh": "1"})  # and not one of the three again
    assert said_then.status == 402, "the chain itself says now that there is not enough"


def test_what_is_put_into_a_wallet_meanwhile_counts_at_once(market: Market) -> None:
    sold = market.sell(dollars="0.10")
    busy, gate = market.gated(dollars="0.10")
    buyer = market.buyer("0.15")
    under_way = market.sign(busy, buyer)
    waiting = market.sending(under_way)
    market.wait_state(under_way, ("open", "none"))
    paper = market.sign(sold, buyer)
    refused = market.sending(paper).result()
    assert (refused.status, refused.json["error"]) == (503, "wallet_spoken_for")
    assert int(refused.headers["retry-after"]) > 0
    assert market.row(paper) == {}

    market.chain.fund(buyer.address, 1)

    assert market.send(paper).status == 200
    gate.open()
    assert waiting.result().status == 200
    market.confirm(under_way)
    market.confirm(paper)


def test_a_void_is_not_tried_again_with_what_another_payment_needs(market: Market) -> None:
    buyer = market.buyer("0.10")
    sold = market.sell(answer(b"broken", status=500), dollars="0.10")
    paper = market.sign(sold, buyer)
    assert market.sending(paper).result().status == 500
    sold.answers(market.witnessed(answer()))
    busy, gate = market.gated(answer(b"broken", status=500), dollars="0.10")
    other = market.sign(busy, buyer)
    under_way = market.sending(other)
    market.wait_state(other, ("open", "none"))

    said = market.sending(paper).result()

    assert (said.status, said.json["error"]) == (503, "wallet_spoken_for")
    assert market.calls(sold) == 1
    assert market.state(paper) == ("void", "none")
    gate.open()
    assert under_way.result().status == 500
    assert market.send(paper).status == 200, "what charged nothing made room again"
    market.confirm(paper)
    assert market.paid(paper) == 100_000
