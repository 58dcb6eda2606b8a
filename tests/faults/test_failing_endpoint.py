"""A seller's endpoint that fails is not sold on, and one buyer at a time tries it again."""

from __future__ import annotations

from marketplace.calls.room import BREAKER_PAUSE_SECONDS
from payments.exposure.exposure import PAYER_KEY
from tests.faults.market import Market
from tests.fixtures.cast import Person
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import Said, ask

DEAR = "60"  # two of these are more than one payer may have out


def proven_payers(market: Market, count: int) -> list[Person]:
    """Who have paid for something before, so that each speaks against a listing alone."""
    healthy = market.sell()
    payers = [market.buyer("200") for _ in range(count)]
    for payer in payers:
        paper = market.sign(healthy, payer, named=True)
        assert market.until_answered(paper).status == 200
        market.confirm(paper)
    earned = "select count(*) from payments_cap where key ilike %s and earned_atomic > 0"
    for payer in payers:
        key = f"{PAYER_KEY}%{payer.address}%"
        market.wait(lambda key=key: market.stack.rows(earned, key) != [(0,)], "that it counts")
    return payers


def is_closed(said: Said) -> bool:
    if (said.status, said.json["error"]) != (503, "listing_unavailable"):
        return False
    assert 0 < int(said.headers["retry-after"]) <= BREAKER_PAUSE_SECONDS
    assert "payment-required" not in said.headers
    return True


def test_what_fails_for_three_is_sold_to_one_at_a_time_after_a_pause(market: Market) -> None:
    first, second, third = proven_payers(market, 3)
    sold = market.sell(answer(b"broken", status=500), dollars=DEAR)
    crowded = market.buyer("200")
    turned_away = market.sign(sold, crowded)
    papers = [market.sign(sold, market.buyer(DEAR)) for _ in range(8)]
    busy, gate = market.gated(dollars=DEAR)
    other = market.sign(busy, crowded)
    market.sending(other)
    market.wait_state(other, ("open", "none"))

    for payer in (first, first, second, second, third):
        assert ask(sold.url).status == 402
        failed = market.sending(market.sign(sold, payer)).result()
        assert failed.headers["x-payment-charged"].startswith("no")

    assert is_closed(ask(sold.url))
    assert is_closed(market.send(papers[0]))
    assert market.row(papers[0]) == {}
    assert market.calls(sold) == 5

    trial = market.gate()
    sold.answers(market.witnessed(trial))
    market.wait(lambda: ask(sold.url).status == 402, "the end of the pause")
    refused = market.sending(turned_away).result()
    assert (refused.status, refused.json["error"]) == (503, "exposure_cap")

    asked = [market.sending(paper) for paper in papers]
    market.wait(lambda: sum(each.done() for each in asked) == 7, "those who are not let through")
    assert all(is_closed(each.result()) for each in asked if each.done())
    assert is_closed(ask(sold.url))
    market.wait(lambda: trial.waiting, "the one who is: the trial was given back")
    assert market.calls(sold) == 6
    trial.open()

    assert sorted(each.result().status for each in asked) == [200, *[503] * 7]
    assert ask(sold.url).status == 402
    late = next(paper for paper in papers if not market.row(paper))
    assert market.until_answered(late).status == 200
    assert market.calls(sold) == 7
    gate.open()
    market.wait_money(other, "settled", "confirmed")
