"""Whatever is killed wherever: the same payment ends once, and so does the next one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import pytest

from tests.faults.market import Market, Paper
from tests.fixtures.upstream import Call, Wire, answer
from tests.fixtures.wallet import Said

Point = Callable[[Market, Paper], Future[Said]]


def after_the_claim(market: Market, paper: Paper) -> Future[Said]:
    gate = market.gate()
    paper.sold.answers(market.witnessed(gate))
    asked = market.sending(paper)
    market.wait_state(paper, ("open", "none"))
    market.kill_worker()
    gate.open()
    market.wait_state(paper, ("answered", "none"))
    return asked


def while_it_is_tried_on_chain(market: Market, paper: Paper) -> Future[Said]:
    market.stop(market.worker)
    asked = market.sending(paper)
    market.wait_state(paper, ("answered", "none"))
    trying = market.rpc.hold("eth_call", times=None)
    market.go_on()
    assert trying.reached.wait(20)
    market.kill_worker()
    return asked


def after_the_answer(market: Market, paper: Paper) -> Future[Said]:
    market.stop(market.worker)
    asked = market.sending(paper)
    market.wait_state(paper, ("answered", "none"))
    market.kill_worker()
    return asked


def stored_and_not_sent(market: Market, paper: Paper) -> Future[Said]:
    sending = market.rpc.drop("eth_sendRawTransaction", times=None)
    asked = market.sending(paper)
    assert sending.reached.wait(20)
    market.kill_worker()
    assert market.state(paper) == ("answered", "broadcast"), "stored before it is sent"
    return asked


def sent_and_not_told(market: Market, paper: Paper) -> Future[Said]:
    sending = market.rpc.lose_answer("eth_sendRawTransaction", times=None)
    asked = market.sending(paper)
    assert sending.reached.wait(20)
    market.kill_worker()
    return asked


def sent_and_not_settled(market: Market, paper: Paper) -> Future[Said]:
    market.chain.pause()
    asked = market.sending(paper)
    market.wait(lambda: int(market.chain.rpc("txpool_status")["pending"], 16), "our transaction")
    market.kill_worker()
    market.chain.resume()
    return asked


def settled_and_not_confirmed(market: Market, paper: Paper) -> Future[Said]:
    asked = market.sending(paper)
    market.wait_money(paper, "settled")
    market.kill_worker()
    market.chain.mine(2)
    return asked


POINTS = [
    after_the_claim,
    while_it_is_tried_on_chain,
    after_the_answer,
    stored_and_not_sent,
    sent_and_not_told,
    sent_and_not_settled,
    settled_and_not_confirmed,
]


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_costs_time_and_nothing_else(market: Market, point: Point) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    asked = point(market, paper)
    market.empty_broker()
    market.rpc.heal()
    market.start_worker()

    assert asked.result().status in (200, 503)
    assert market.until_answered(paper).status == 200
    market.confirm(paper)
    assert market.calls(sold) == 1
    assert market.paid(paper) == 10_000
    market.buy(sold)


def test_a_web_process_killed_during_a_call_charges_nothing_yet(market: Market) -> None:
    sold, _ = market.gated()
    paper = market.sign(sold, market.buyer())
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    market.stack.kill(market.stack.webs[0])
    assert isinstance(asked.exception(), OSError)
    assert market.send(paper, web=1).status == 409, "the first attempt may still be alive"
    sold.answers(market.witnessed(answer(b'{"second":true}')))
    market.wait_state(paper, ("void", "none"))

    said = market.send(paper, web=1)

    assert said.json == {"second": True}
    keys = [call.header("Idempotency-Key") for call in sold.calls]
    assert len(keys) == 2
    assert len(set(keys)) == 1, "nobody knows what became of the first: the same key"
    market.heal()
    assert market.paid(paper) == 10_000
    market.buy(sold)


def test_a_web_process_killed_before_it_hands_over_leaves_the_answer(market: Market) -> None:
    """Its buyer never saw the answer. As stock clients do, they sign anew, and join."""
    sold = market.sell()
    buyer = market.buyer()
    paper, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    market.chain.pause()
    asked = market.sending(paper)
    market.wait_money(paper, "broadcast")
    market.stack.kill(market.stack.webs[0])
    assert isinstance(asked.exception(), OSError)
    market.chain.resume()
    market.wait_money(paper, "settled", "confirmed")
    market.wait(lambda: _is_left(market, paper), "the silence of the dead process")

    said = market.send(fresh, web=1)

    assert said.status == 200
    assert said.headers["x-souk-joined"] == str(market.row(paper)["id"])
    market.heal()
    assert market.paid(paper) == 10_000
    assert market.calls(sold) == 1
    market.buy(sold)


def _is_left(market: Market, paper: Paper) -> bool:
    """The serving process has not said for a while that it lives."""
    query = "select 1 from payments_progress where payment_id = %s"
    query += " and lease_until < clock_timestamp() + interval '0.5 seconds'"
    return bool(market.stack.rows(query, market.row(paper)["id"]))


def test_a_zombie_of_an_earlier_attempt_changes_nothing(market: Market) -> None:
    gate = market.gate(answer(b'{"attempt":1}'))
    sold = market.sell(first_then(gate, answer(b'{"attempt":2}')))
    paper = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    market.stop(market.stack.webs[0])
    market.wait_state(paper, ("void", "none"))
    second = market.send(paper, web=1)
    assert second.json == {"attempt": 2}

    gate.open()
    market.go_on()

    zombie = asked.result()
    assert zombie.status == 503
    assert "payment-response" not in zombie.headers
    again = market.send(paper)
    assert again.json == {"attempt": 2}
    assert market.paid(paper) == 10_000
    market.buy(sold)


def first_then(first: Callable[[Call, Wire], object], rest: Callable[[Call, Wire], object]):
    """One behaviour for the first call, another for all that follow."""
    left = [first]

    async def behave(call: Call, wire: Wire) -> bool:
        return await (left.pop() if left else rest)(call, wire)

    return behave


def test_an_emptied_broker_loses_nothing(market: Market) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer())
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    market.empty_broker()
    gate.open()

    assert asked.result().status == 200
    market.confirm(paper)
    market.buy(sold)
