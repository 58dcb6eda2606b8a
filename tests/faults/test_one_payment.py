"""One payment buys once, whoever presents it and however often; a cap admits what fits."""

from __future__ import annotations

import threading
from collections import Counter

from tests.faults.market import Market
from tests.fixtures.wallet import Said, ask, in_v1, pack


def test_fifty_askers_with_one_payment_buy_once(market: Market) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer())
    together = threading.Barrier(50)

    def present(asker: int) -> Said:
        together.wait()
        return market.send(paper, web=asker % 2)

    asked = [market.callers.submit(present, asker) for asker in range(50)]

    def told_apart() -> bool:
        return sum(each.done() for each in asked) == 49 or market.calls(sold) > 1

    market.wait(told_apart, "49 refusals")
    gate.open()
    said = [each.result() for each in asked]

    assert Counter(each.status for each in said) == {200: 1, 409: 49}
    assert market.calls(sold) == 1
    market.confirm(paper)
    assert market.paid(paper) == 10_000
    payment = market.row(paper)["id"]
    ledger = "select phase from payments_transfer where payment_id = %s order by phase"
    assert market.stack.rows(ledger, payment) == [("pending",), ("post",)]
    sent = "select count(distinct nonce) from payments_broadcast b join payments_progress g"
    sent += " on g.relayer_id = b.relayer_id and g.relayer_nonce = b.nonce where payment_id = %s"
    assert market.stack.rows(sent, payment) == [(1,)]


def test_a_payment_in_both_versions_at_once_buys_once(market: Market) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer())
    old = {"X-PAYMENT": pack(in_v1(paper.payload))}
    together = threading.Barrier(20)

    def present(asker: int) -> Said:
        url = market.stack.url(sold.path, asker // 2 % 2)
        together.wait()
        if asker % 2:
            return ask(f"{url}?x402Version=1", headers=old)
        return ask(url, headers=paper.headers)

    asked = [market.callers.submit(present, asker) for asker in range(20)]
    market.wait(lambda: sum(each.done() for each in asked) == 19, "19 refusals")
    gate.open()
    said = [each.result() for each in asked]

    assert Counter(each.status for each in said) == {200: 1, 409: 19}
    assert market.calls(sold) == 1
    market.confirm(paper)
    assert market.paid(paper) == 10_000


def test_a_named_payment_gets_its_stored_answer_again(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    first = market.send(paper)

    again = [market.sending(paper, web=asker % 2) for asker in range(20)]

    assert {(each.result().status, each.result().body) for each in again} == {(200, first.body)}
    assert market.calls(sold) == 1


def test_a_cap_for_ten_admits_exactly_ten_of_a_hundred(market: Market) -> None:
    sold = market.sell(dollars="100")  # and a listing may have 1 000 dollars out
    papers = [market.sign(sold, market.buyer("100")) for _ in range(100)]
    market.chain.pause()

    said: Counter[str] = Counter()
    undecided = papers
    while undecided:  # a node that cannot keep up with a hundred is no verdict: they ask again
        asked = [
            market.callers.submit(market.send, paper, web=asker % 2)
            for asker, paper in enumerate(undecided)
        ]
        errors = [str(each.result().json["error"]) for each in asked]
        said.update(error for error in errors if error != "unavailable")
        told = zip(undecided, errors, strict=True)
        undecided = [paper for paper, error in told if error == "unavailable"]

    assert said == {"settlement_pending": 10, "exposure_cap": 90}
    assert market.calls(sold) == 10
    assert sum(bool(market.row(paper)) for paper in papers) == 10
    market.chain.resume()
    market.quiet()
    admitted = next(paper for paper in papers if not market.row(paper))
    assert market.send(admitted).status == 200, "what was settled made room again"
