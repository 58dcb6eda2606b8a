"""Instant release: the answer leaves before the money moves, and no more than the caps is lost."""

from __future__ import annotations

from concurrent.futures import Future

from tests.faults import stranger
from tests.faults.market import SHORT_SECONDS, Market, Paper
from tests.fixtures.cast import Person
from tests.fixtures.stack import Sold
from tests.fixtures.wallet import Said


def regular(market: Market, sold: Sold, *, paid: int = 1, dollars: str = "1") -> Person:
    """A buyer whose payments here are final already."""
    buyer = market.buyer(dollars)
    for _ in range(paid):
        paper = market.sign(sold, buyer)
        assert market.until_answered(paper).status == 200
        market.confirm(paper)
    return buyer


def test_an_answer_leaves_before_the_money_moves(market: Market) -> None:
    sold = market.sell(release="instant")
    buyer = regular(market, sold)
    market.stop(market.worker)
    paper = market.sign(sold, buyer)

    said = market.send(paper)

    assert said.status == 200
    told = said.settlement
    assert (told["success"], told["transaction"], told["network"]) == (True, "", "eip155:84532")
    assert told["payer"] == buyer.address
    status = told["extensions"]["souk"]["status"]
    assert status.endswith(f"/p/{market.row(paper)['id']}")
    assert told["extensions"]["souk"]["receipt"] == f"{status}/receipt"
    assert market.state(paper) == ("answered", "none")
    market.go_on()
    market.confirm(paper)
    assert market.paid(paper) == 2 * 10_000


def test_a_wallet_that_never_paid_here_waits_for_its_money(market: Market) -> None:
    sold = market.sell(release="instant")
    paper = market.sign(sold, market.buyer())

    said = market.send(paper)

    assert said.status == 200
    assert said.settlement["transaction"] == "0x" + market.row(paper)["transaction"].hex()


def test_calls_side_by_side_at_two_doors_stay_within_what_the_payer_earned(market: Market) -> None:
    """Nine calls on a trust of two, and the payer has money for none of them in the end."""
    sold = market.sell(release="instant")
    buyer = regular(market, sold, paid=2)
    market.stop(market.worker)
    papers = [market.sign(sold, buyer, seconds=SHORT_SECONDS) for _ in range(9)]

    asked = [market.sending(paper, web=n % 2) for n, paper in enumerate(papers)]
    said = [each.result() for each in asked]

    assert sorted(each.status for each in said) == [200] * 2 + [503] * 7
    assert {each.settlement["transaction"] for each in said} == {""}
    stranger.drain(market, buyer)
    market.go_on()
    with market.later(SHORT_SECONDS + 1):
        for paper in papers:
            market.wait_state(paper, ("answered", "failed"))
    losses = market.stack.rows(
        "select count(*) from payments_loss l join payments_payment p on p.id = l.payment_id"
        " where p.payer = %s",
        buyer.address,
    )
    assert losses == [(2,)], "what left and was never paid is what was earned before, at most"
    market.buy(sold)


def test_a_payer_who_drains_the_wallet_is_not_trusted_again(market: Market) -> None:
    sold = market.sell(release="instant")
    buyer = regular(market, sold)
    market.stop(market.worker)
    paper = market.sign(sold, buyer, named=True, seconds=SHORT_SECONDS)
    assert market.send(paper).settlement["transaction"] == ""
    stranger.drain(market, buyer)
    market.go_on()
    with market.later(SHORT_SECONDS + 1):
        market.wait_state(paper, ("answered", "failed"))
    assert market.send(paper).status == 402
    market.chain.fund(buyer.address, 1)
    for _ in range(2):
        again = market.sign(sold, buyer)
        assert market.until_answered(again).settlement["transaction"] != ""
        market.confirm(again)


def test_the_same_payment_again_gets_the_same_answer_at_once(market: Market) -> None:
    sold = market.sell(release="instant")
    buyer = regular(market, sold)
    market.stop(market.worker)
    paper = market.sign(sold, buyer, named=True)
    first = market.send(paper)

    again = market.send(paper, web=1)

    assert (again.status, again.body) == (200, first.body)
    assert again.settlement == first.settlement
    assert market.calls(sold) == 2


def test_a_web_process_killed_after_the_claim_charges_nothing_and_frees_the_caps(
    market: Market,
) -> None:
    sold, gate = market.gated(release="instant")
    gate.open()
    buyer = regular(market, sold)
    sold.answers(market.witnessed(market.gate()))
    paper = market.sign(sold, buyer)
    asked: Future[Said] = market.sending(paper)
    market.wait(lambda: market.calls(sold) == 2, "the call")
    market.stack.kill(market.stack.webs[0])
    assert isinstance(asked.exception(), OSError)

    market.wait_state(paper, ("void", "none"))

    market.check(settled=False)


def test_a_reorg_after_the_release_is_collected_again(market: Market) -> None:
    sold = market.sell(release="instant")
    buyer = regular(market, sold)
    market.chain.mine(9)
    paper: Paper = market.sign(sold, buyer)
    assert market.send(paper).settlement["transaction"] == ""
    market.wait_money(paper, "settled")
    before = market.row(paper)

    market.chain.reorg(1)

    market.wait(lambda: market.row(paper)["version"] > before["version"], "the reorg seen")
    market.quiet()
    assert market.money(paper) == "confirmed"
    assert market.paid(paper) == 2 * 10_000


def test_a_worker_killed_after_the_release_collects_when_it_is_back(market: Market) -> None:
    sold = market.sell(release="instant")
    buyer = regular(market, sold)
    market.stop(market.worker)
    paper = market.sign(sold, buyer)
    assert market.send(paper).status == 200
    market.kill_worker()
    market.start_worker()

    market.confirm(paper)

    assert market.paid(paper) == 2 * 10_000
