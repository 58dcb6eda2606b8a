"""Somebody else is first on chain: what paid for the answer counts, whoever sent it."""

from __future__ import annotations

from tests.faults import stranger
from tests.faults.invariants import statement
from tests.faults.market import HASTY, SHORT_SECONDS, Market, Paper
from tests.fixtures.upstream import answer


def test_a_payment_used_before_it_was_shown_buys_nothing(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer())
    stranger.submit(market, paper)

    said = market.send(paper)

    assert said.status == 402
    assert "nonce_already_used" in said.challenge["error"]
    assert market.row(paper) == {}
    assert market.calls(sold) == 0


def test_a_stranger_pays_while_the_upstream_works(market: Market) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer())
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    theirs = stranger.submit(market, paper)
    gate.open()

    said = asked.result()

    assert said.status == 200
    assert said.settlement["transaction"] == theirs
    market.confirm(paper)
    assert market.row(paper)["relayer_nonce"] is None, "nothing of ours was needed"
    market.buy(sold)


def test_a_stranger_pays_before_our_transaction_is_signed(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer())
    market.stop(market.worker)
    asked = market.sending(paper)
    market.wait_state(paper, ("answered", "none"))
    theirs = stranger.submit(market, paper)
    market.go_on()

    assert asked.result().settlement["transaction"] == theirs
    market.confirm(paper)
    market.buy(sold)


def test_a_stranger_is_ahead_of_us_in_the_block(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    market.chain.pause()
    market.told_to_wait(paper)
    theirs = stranger.submit(market, paper)
    market.chain.resume()
    market.wait_money(paper, "settled", "confirmed")

    said = market.send(paper)

    assert said.status == 200
    assert said.settlement["transaction"] == theirs
    assert market.paid(paper) == 10_000
    market.confirm(paper)
    market.buy(sold)


def test_a_strangers_block_is_undone_and_we_collect_ourselves(market: Market) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer())
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    theirs = stranger.submit(market, paper)
    gate.open()
    assert asked.result().settlement["transaction"] == theirs

    market.chain.reorg(1)
    market.chain.rpc("anvil_dropAllTransactions")

    market.wait(
        lambda: market.row(paper)["transaction"] not in (None, bytes.fromhex(theirs[2:])), "ours"
    )
    market.confirm(paper)
    assert market.paid(paper) == 10_000
    market.buy(sold)


def test_a_signature_that_was_public_once_proves_nothing_after_the_reorg(market: Market) -> None:
    sold, gate = market.gated(answer(b'{"for":"the buyer"}'))
    paper = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    stranger.submit(market, paper)
    gate.open()
    assert asked.result().status == 200
    market.rpc.fail("eth_call", times=None)  # so that we do not collect it ourselves at once
    market.chain.reorg(1)
    market.chain.rpc("anvil_dropAllTransactions")
    market.wait_money(paper, "none")
    unnamed = Paper(sold, {key: paper.payload[key] for key in paper.payload if key != "extensions"})

    said = market.sending(unnamed)
    named = market.sending(paper)
    market.rpc.heal()

    assert said.result().status in (409, 503)
    assert b"the buyer" not in said.result().body
    assert named.result().status in (200, 503)
    assert market.until_answered(paper).json == {"for": "the buyer"}


def test_a_cancelled_payment_is_never_delivered(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    paper = market.sign(sold, buyer, named=True)
    asked = market.sending(paper, web=HASTY)
    market.wait(lambda: market.calls(sold), "the call")
    stranger.cancel(market, paper, buyer)
    gate.open()

    assert asked.result().status == 503, "a block that is not final proves nothing"
    market.look(paper)
    assert market.money(paper) == "none"
    market.make_final()
    market.wait_state(paper, ("answered", "failed"))
    said = market.send(paper)
    assert (said.status, said.challenge["error"]) == (402, "transaction_failed")
    assert (said.settlement["success"], said.settlement["payer"]) == (False, buyer.address)
    assert said.headers["x-souk-payment"] == str(market.row(paper)["id"])
    assert said.challenge["status_url"].endswith(f"/p/{market.row(paper)['id']}")
    assert market.paid(paper) == 0
    market.buy(sold)


def test_a_drained_payment_is_given_up_when_its_window_is_over(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    paper = market.sign(sold, buyer, named=True, seconds=SHORT_SECONDS)
    asked = market.sending(paper, web=HASTY)
    market.wait(lambda: market.calls(sold), "the call")
    stranger.drain(market, buyer)
    gate.open()

    assert asked.result().status == 503
    market.look(paper)
    assert market.money(paper) == "none"
    with market.later(SHORT_SECONDS + 1):
        market.wait_state(paper, ("answered", "failed"))
    assert market.send(paper).status == 402
    assert market.paid(paper) == 0
    market.buy(sold)


def test_a_drained_buyer_who_fills_up_again_is_charged(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    paper = market.sign(sold, buyer, named=True)
    asked = market.sending(paper, web=HASTY)
    market.wait(lambda: market.calls(sold), "the call")
    stranger.drain(market, buyer)
    gate.open()
    assert asked.result().status == 503
    market.look(paper)

    market.chain.fund(buyer.address, 1)

    assert market.until_answered(paper).status == 200
    assert market.paid(paper) == 10_000


def test_what_its_owner_spends_after_a_void_is_paid_without_an_answer(market: Market) -> None:
    sold = market.sell(answer(b"no", status=500))
    buyer = market.buyer()
    paper = market.sign(sold, buyer)
    said = market.send(paper)
    assert said.headers["x-payment-charged"].startswith("no")
    assert market.state(paper) == ("void", "none")

    stranger.submit(market, paper, sender=buyer.address)

    market.wait_state(paper, ("void", "settled"), ("void", "confirmed"))
    market.confirm(paper)
    payment = market.row(paper)["id"]
    receipt = market.stack.rows("select jws from payments_receipt where payment_id = %s", payment)
    assert "refund due" in statement({"jws": receipt[0][0]})["status"]
    ledger = "select phase from payments_transfer where payment_id = %s order by phase"
    assert market.stack.rows(ledger, payment) == [("pending",), ("post",)]
    assert market.send(paper).status == 409, "and it buys nothing a second time"
    assert market.calls(sold) == 1
