"""Something changes between the look at a payment and its claim: nothing is done or charged."""

from __future__ import annotations

import psycopg

from tests.faults.market import Market
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import ask

TRYING_AGAIN = """
    select count(*) from pg_stat_activity
     where query like '%attempt + 1%' and wait_event_type = 'Lock' and pid <> pg_backend_pid()
"""


def test_two_who_try_the_same_void_again_call_its_seller_once(market: Market) -> None:
    sold = market.sell(answer(b"broken", status=500))
    paper = market.sign(sold, market.buyer())
    assert market.sending(paper).result().status == 500
    gate = market.gate()
    sold.answers(market.witnessed(gate))

    with psycopg.connect(market.stack.database_url) as holding:
        holding.execute(
            "select 1 from payments_progress where payment_id = %s for update",
            (market.row(paper)["id"],),
        )
        asked = [market.sending(paper, web=web) for web in range(2)]
        market.wait(lambda: market.stack.rows(TRYING_AGAIN) == [(2,)], "both doors at the row")
    market.wait(lambda: any(each.done() for each in asked), "one who is turned away")
    turned_away = next(each.result() for each in asked if each.done())
    gate.open()

    assert (turned_away.status, turned_away.json["error"]) == (409, "in_flight")
    assert "just taken up by another request" in turned_away.json["detail"]
    assert int(turned_away.headers["retry-after"]) > 0
    assert sorted(each.result().status for each in asked) == [200, 409]
    assert market.calls(sold) == 2
    assert market.row(paper)["attempt"] == 2
    assert market.paid(paper) == 10_000


def test_a_void_is_not_tried_again_beyond_what_its_payer_may_have_out(market: Market) -> None:
    payer = market.buyer("200")
    sold = market.sell(answer(b"broken", status=500), dollars="60")
    paper = market.sign(sold, payer)
    assert market.sending(paper).result().status == 500
    sold.answers(market.witnessed(answer()))
    busy, gate = market.gated(dollars="60")
    other = market.sign(busy, payer)
    under_way = market.sending(other)
    market.wait_state(other, ("open", "none"))

    said = market.sending(paper).result()

    assert (said.status, said.json["error"]) == (503, "exposure_cap")
    assert int(said.headers["retry-after"]) > 0
    assert market.calls(sold) == 1
    assert market.state(paper) == ("void", "none")
    assert market.row(paper)["attempt"] == 1
    gate.open()
    assert under_way.result().status == 200
    market.confirm(other)
    assert market.until_answered(paper).status == 200, "what was settled made room again"
    assert market.paid(paper) == 60_000_000


def test_a_price_that_was_closed_a_moment_ago_is_not_paid(market: Market) -> None:
    """The shelf hears of it a quarter of a second later; the claim has the last word."""
    sold = market.sell()
    paper = market.sign(sold, market.buyer())
    closed = market.stack.rows(
        "update payments_openoffer set closed_at = clock_timestamp()"
        " where listing_id = (select id from sellers_listing where slug = %s) returning 1",
        sold.path.partition("/")[2],
    )
    assert closed == [(1,)]
    assert ask(sold.url).status == 402, "the door has not heard of it"

    said = market.sending(paper).result()

    assert (said.status, said.json["error"]) == (503, "offer_closed")
    assert int(said.headers["retry-after"]) > 0
    assert market.row(paper) == {}
    assert market.calls(sold) == 0
    assert market.paid(paper) == 0
