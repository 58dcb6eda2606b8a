"""Upfront release: money first, then the work; who paid gets the answer, or a refund is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sellers import listings
from tests.faults import stranger
from tests.faults.invariants import statement
from tests.faults.market import Market, Paper
from tests.faults.test_bought_stays_bought import change, listing_of, pause
from tests.fixtures.upstream import Behaviour, answer, cut
from tests.fixtures.wallet import Said, ask

Crash = Callable[[Market, Paper], None]


def receipts(market: Market, paper: Paper) -> list[str]:
    query = "select jws from payments_receipt where payment_id = %s order by version"
    found = market.stack.rows(query, market.row(paper)["id"])
    return [statement({"jws": row[0]})["status"] for row in found]


def test_the_offer_says_that_the_money_comes_first(market: Market) -> None:
    sold, ordinary = market.sell(release="upfront"), market.sell()

    offers = ask(sold.url).challenge["accepts"]

    assert [each["extra"]["paymentFlow"] for each in offers] == ["upfront"]
    assert "paymentFlow" not in ask(ordinary.url).challenge["accepts"][0]["extra"]


def test_a_payment_that_does_not_repeat_the_flow_pays_for_nothing(market: Market) -> None:
    sold = market.sell(release="upfront")
    paper = market.sign(sold, market.buyer())
    del paper.payload["accepted"]["extra"]["paymentFlow"]

    said = market.send(paper)

    assert said.status == 402
    assert market.row(paper) == {}


def test_the_money_moves_before_the_upstream_is_asked(market: Market) -> None:
    sold, gate = market.gated(release="upfront")
    paper = market.sign(sold, market.buyer())
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    assert market.state(paper) in {("open", "settled"), ("open", "confirmed")}
    assert market.paid(paper) == 10_000
    gate.open()

    said = asked.result()

    assert said.status == 200
    assert said.settlement["success"] is True
    assert said.settlement["transaction"] == "0x" + market.row(paper)["transaction"].hex()
    market.confirm(paper)
    market.quiet()
    assert receipts(market, paper)[-1] == "final"


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        (answer(b'{"no":true}', status=500), 500, "upstream_error"),
        (answer(b'{"no":true}', status=404), 404, "upstream_rejected"),
        (cut(), 502, "cut"),
    ],
    ids=["error", "rejected", "cut"],
)
def test_a_seller_who_fails_after_the_money_moved_owes_a_refund(
    market: Market, behaviour: Behaviour, status: int, reason: str
) -> None:
    sold = market.sell(behaviour, release="upfront")
    paper = market.sign(sold, market.buyer(), named=True)

    said = market.send(paper)

    assert said.status == status
    assert said.headers["x-payment-charged"] == f"yes; refund=due; reason={reason}"
    assert said.settlement["success"] is True
    market.wait_state(paper, ("void", "settled"), ("void", "confirmed"))
    market.confirm(paper)
    market.quiet()
    assert receipts(market, paper)[-1] == "paid without an answer: refund due"
    payment = market.row(paper)["id"]
    ledger = "select phase from payments_transfer where payment_id = %s order by phase"
    assert market.stack.rows(ledger, payment) == [("pending",), ("post",)]
    shown = ask(f"{market.stack.base_url}/p/{payment}", headers={"Accept": "application/json"})
    assert shown.json["status"]["key"] == "paid_unanswered"
    again = market.send(paper)
    assert (again.status, again.json["error"]) == (409, "refund_due")
    assert market.calls(sold) == 1, "and it buys nothing a second time"


def test_while_no_block_comes_the_seller_is_not_asked_and_the_next_payment_joins(
    market: Market,
) -> None:
    sold, buyer = market.sell(release="upfront"), market.buyer()
    market.chain.pause()
    paper = market.sign(sold, buyer)
    said = market.send(paper)
    assert (said.status, said.json["error"]) == (503, "settlement_pending")
    assert said.settlement["success"] is False
    assert "signed afresh by the same wallet within" in said.json["detail"]
    assert market.calls(sold) == 0
    assert told_of(market, paper) == ("send_again", "send_again")
    market.chain.resume()
    market.wait_money(paper, "settled", "confirmed")
    assert told_of(market, paper) == ("send_again", "send_again"), "nobody else asks the seller"
    fresh = market.sign(sold, buyer)

    joined = market.until_answered(fresh)

    assert joined.status == 200
    assert joined.headers["x-souk-joined"] == str(market.row(paper)["id"])
    assert market.row(fresh) == {}
    assert market.calls(sold) == 1
    assert market.paid(paper) == 10_000


@pytest.mark.parametrize("money", ["broadcast", "settled"])
def test_money_that_moved_is_never_said_to_be_uncharged_where_the_listing_is_closed(
    market: Market, money: str
) -> None:
    """Its buyer would sign anew, and pay twice."""
    sold = market.sell(release="upfront")
    paper = market.sign(sold, market.buyer(), named=True)
    market.chain.pause()
    market.told_to_wait(paper)
    if money == "settled":
        market.chain.resume()
        market.wait_money(paper, "settled", "confirmed")
    change(market, sold, pause)

    said = market.send(paper, web=1)
    stranger_said = market.send(replace(paper, payload=unnamed(paper)), web=1)

    payment = str(market.row(paper)["id"])
    assert said.json["status_url"].endswith(f"/p/{payment}")
    assert b"othing was charged" not in said.body
    if money == "broadcast":
        assert (said.status, said.json["error"]) == (503, "settlement_pending")
        market.chain.resume()
    else:
        assert (said.status, said.json["error"]) == (409, "refund_due")
        assert said.json["refund_url"] == f"{market.stack.base_url}/api/refunds"
        assert (stranger_said.status, stranger_said.json["error"]) == (409, "already_used")
    assert market.calls(sold) == 0
    with market.stack.database():
        listings.resume(listing_of(sold).pk)
    market.wait(lambda: market.send(paper).status == 200, "the answer, for sale again in time")
    assert market.paid(paper) == 10_000


def unnamed(paper: Paper) -> dict[str, Any]:
    """The payment as everybody may know it once it is on chain."""
    return {**paper.payload, "extensions": {}}


def told_of(market: Market, paper: Paper) -> tuple[str, str]:
    """What the payment's page says, and the address of its answer."""
    page = f"{market.stack.base_url}/p/{market.row(paper)['id']}"
    headers = {"Accept": "application/json"}
    shown, asked = ask(page, headers=headers), ask(f"{page}/answer", headers=headers)
    return shown.json["status"]["key"], asked.json["error"]


def test_what_cannot_be_settled_is_given_back_unsent(market: Market) -> None:
    sold, buyer = market.sell(release="upfront"), market.buyer()
    market.stop(market.worker)
    paper = market.sign(sold, buyer)
    asked = market.sending(paper)
    market.wait_state(paper, ("open", "none"))
    stranger.drain(market, buyer)
    market.go_on()

    said = asked.result()

    assert (said.status, said.json["error"]) == (503, "not_settled")
    assert market.state(paper) == ("void", "none")
    assert market.calls(sold) == 0
    market.chain.fund(buyer.address, 1)
    assert market.until_answered(paper).status == 200
    assert market.paid(paper) == 10_000


def crashed_before_anything_was_sent(market: Market, paper: Paper) -> None:
    market.stop(market.worker)
    asked = market.sending(paper)
    market.wait_state(paper, ("open", "none"))
    market.stack.kill(market.stack.webs[0])
    market.go_on()
    assert isinstance(asked.exception(), OSError)


def crashed_while_the_money_was_on_its_way(market: Market, paper: Paper) -> None:
    market.chain.pause()
    asked = market.sending(paper)
    market.wait_state(paper, ("open", "broadcast"))
    market.stack.kill(market.stack.webs[0])
    assert isinstance(asked.exception(), OSError)
    market.chain.resume()
    market.wait_money(paper, "settled", "confirmed")


def crashed_during_the_work(market: Market, paper: Paper) -> None:
    gate = market.gate()
    paper.sold.answers(market.witnessed(gate))
    asked = market.sending(paper)
    market.wait(lambda: market.calls(paper.sold), "the call")
    market.stack.kill(market.stack.webs[0])
    assert isinstance(asked.exception(), OSError)
    paper.sold.answers(market.witnessed(answer(b'{"second":true}')))


CRASHES = [
    crashed_before_anything_was_sent,
    crashed_while_the_money_was_on_its_way,
    crashed_during_the_work,
]


@pytest.mark.parametrize("crash", CRASHES)
def test_after_a_crash_of_the_door_the_same_payment_gets_its_work_done(
    market: Market, crash: Crash
) -> None:
    sold = market.sell(release="upfront")
    paper = market.sign(sold, market.buyer(), named=True)
    crash(market, paper)

    said = answered(market, paper)

    assert said.status == 200
    market.confirm(paper)
    assert market.paid(paper) == 10_000


@pytest.mark.parametrize("crash", CRASHES[1:])
def test_after_a_crash_of_the_door_a_freshly_signed_payment_joins(
    market: Market, crash: Crash
) -> None:
    """What stock clients do."""
    sold, buyer = market.sell(release="upfront"), market.buyer()
    paper, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    crash(market, paper)
    over = (
        "select 1 from payments_progress where payment_id = %s and lease_until < clock_timestamp()"
    )
    # Until then the first call may be alive, and this would be a purchase of its own.
    market.wait(lambda: market.stack.rows(over, market.row(paper)["id"]), "the lease's end")

    said = answered(market, fresh)

    assert said.headers["x-souk-joined"] == str(market.row(paper)["id"])
    assert market.row(fresh) == {}
    assert market.paid(paper) == 10_000


def test_who_only_shows_the_signature_gets_the_work_done_for_the_buyer(market: Market) -> None:
    """It is public by now: no proof of being the buyer."""
    sold = market.sell(release="upfront")
    paper = market.sign(sold, market.buyer())
    crashed_while_the_money_was_on_its_way(market, paper)

    said = answered(market, paper)

    assert (said.status, said.json["error"]) == (409, "already_used")
    assert market.state(paper)[0] == "answered"
    assert market.calls(sold) == 1


def answered(market: Market, paper: Paper) -> Said:
    """At the other door, and again while the first may still be alive."""
    last: list[Said] = []

    def known() -> bool:
        last.append(market.send(paper, web=1))
        return last[-1].status != 503 and last[-1].json.get("error") != "in_flight"

    market.wait(known, "an answer")
    return last[-1]


def test_a_killed_worker_costs_time_and_nothing_else(market: Market) -> None:
    sold = market.sell(release="upfront")
    paper = market.sign(sold, market.buyer(), named=True)
    sending = market.rpc.drop("eth_sendRawTransaction", times=None)
    asked = market.sending(paper)
    assert sending.reached.wait(20)
    market.kill_worker()
    market.rpc.heal()
    market.start_worker()

    assert asked.result().status in (200, 503)
    assert market.until_answered(paper).status == 200
    market.confirm(paper)
    assert market.calls(sold) == 1
    assert market.paid(paper) == 10_000


@pytest.mark.parametrize("depth", [1, 3])
def test_a_reorg_while_the_seller_works_is_collected_again(market: Market, depth: int) -> None:
    sold, gate = market.gated(release="upfront")
    buyer = market.buyer()
    market.chain.mine(9)  # what the buyer was given is out of its reach
    paper = market.sign(sold, buyer, named=True)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    before = market.row(paper)

    market.chain.reorg(depth)

    market.wait(lambda: market.row(paper)["version"] > before["version"], "the reorg seen")
    gate.open()
    assert asked.result().status in (200, 503)
    assert market.until_answered(paper).status == 200
    market.confirm(paper)
    assert market.paid(paper) == 10_000
    assert market.calls(sold) == 1
