"""What a buyer bought is answered by what they bought, whatever became of the listing since."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from sellers import listings
from sellers.models import Listing
from sellers.publishing import republish
from sellers.reviews import judging
from sellers.site import this_site
from sellers.terms import Terms
from tests.faults.market import Market, Paper, somebody
from tests.fixtures.stack import Sold
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import ask, authorize


def listing_of(sold: Sold) -> Listing:
    return Listing.objects.select_related("live_revision").get(slug=sold.path.partition("/")[2])


def edit(sold: Sold) -> None:
    listing = listing_of(sold)
    assert listing.live_revision is not None
    terms = Terms.from_json(listing.live_revision.terms)
    republish(listing, replace(terms, description="Something else now"), this_site())


def suspend(sold: Sold) -> None:
    judging.suspend(listing_of(sold).pk, "a test")


def pause(sold: Sold) -> None:
    listings.pause(listing_of(sold).pk)


def break_down(sold: Sold) -> None:
    sold.answers(answer(b"broken", status=500))


CHANGES = [edit, suspend, pause, break_down]


def change(market: Market, sold: Sold, how: Callable[[Sold], None]) -> None:
    """Change a listing and wait until both doors know it."""
    with market.stack.database():
        how(sold)
    for web in range(2):
        url = market.stack.url(sold.path, web)
        if how in (suspend, pause):
            market.wait(lambda url=url: ask(url).status == 503, "the closed door")
        elif how is edit:
            market.wait(lambda url=url: b"Something else" in ask(url).body, "the new terms")


@pytest.mark.parametrize("how", CHANGES)
def test_a_settled_purchase_is_handed_over_again(
    market: Market, how: Callable[[Sold], None]
) -> None:
    sold = market.sell(answer(b'{"bought":1}'))
    paper = market.sign(sold, market.buyer(), named=True)
    assert market.send(paper).status == 200
    change(market, sold, how)

    again = [market.send(paper, web=web) for web in range(2)]

    assert [(said.status, said.json) for said in again] == [(200, {"bought": 1})] * 2
    assert market.calls(sold) == 1
    assert market.paid(paper) == 10_000


@pytest.mark.parametrize("how", CHANGES)
def test_a_purchase_on_its_way_is_finished(market: Market, how: Callable[[Sold], None]) -> None:
    sold, gate = market.gated(answer(b'{"bought":2}'))
    paper = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    change(market, sold, how)
    early = market.send(paper, web=1)
    assert (early.status, early.json["error"]) == (409, "in_flight"), "it is at work"
    assert int(early.headers["retry-after"]) > 0
    gate.open()

    assert asked.result().json == {"bought": 2}
    assert market.send(paper, web=1).json == {"bought": 2}
    assert market.calls(sold) == 1


def test_without_a_proof_the_answer_is_not_handed_over_again(market: Market) -> None:
    """The signature is public by now; only the name in the claim, or the wallet, is the buyer."""
    sold = market.sell()
    paper = market.sign(sold, market.buyer())
    assert market.send(paper).status == 200
    change(market, sold, suspend)

    said = market.send(paper, web=1)

    assert said.status in (401, 409)
    assert "payment-required" not in said.headers


def test_a_voided_payment_buys_at_the_next_attempt(market: Market) -> None:
    sold = market.sell(answer(b"broken", status=500))
    paper = market.sign(sold, market.buyer())
    assert market.send(paper).headers["x-payment-charged"].startswith("no")
    sold.answers(market.witnessed(answer(b'{"at":"last"}')))

    said = market.send(paper, web=1)

    assert said.json == {"at": "last"}
    assert market.row(paper)["attempt"] == 2
    assert market.paid(paper) == 10_000
    keys = [call.header("Idempotency-Key") for call in sold.calls]
    assert len(set(keys)) == 2, "after a definite failure the upstream sees a new key"


def test_a_price_whose_grace_is_over_is_asked_for_anew(market: Market) -> None:
    """A new price is what the buyer needs then, not to be told to wait."""
    sold = market.sell()
    old = ask(sold.url).challenge
    with market.stack.database():
        listing = listing_of(sold)
        assert listing.live_revision is not None
        terms = Terms.from_json(listing.live_revision.terms)
        dearer = replace(
            terms, prices=tuple(replace(p, amount_atomic=20_000) for p in terms.prices)
        )
        listings.submit(listings.propose(listing.pk, dearer).pk, operators_word=True)
        judging.approve(listing.pk, dearer.content_hash(), grace_seconds=1)
    for web in range(2):
        url = market.stack.url(sold.path, web)
        market.wait(lambda url=url: amount(ask(url).challenge) == "20000", "the new price")
    late = "select bool_and(closed_at < clock_timestamp()) from payments_openoffer where id in ("
    late += "select id from payments_openoffer where closed_at is not null and listing_id = %s)"
    market.wait(lambda: market.stack.rows(late, listing.pk) == [(True,)], "the end of the grace")

    said = market.send(Paper(sold, authorize(old, market.buyer())))

    assert said.status == 402
    assert amount(said.challenge) == "20000"
    market.buy(sold)


def amount(challenge: Any) -> str:
    return str(challenge["accepts"][0]["amount"])


def test_a_payment_that_bought_elsewhere_meanwhile_buys_nothing_here(market: Market) -> None:
    """Two listings may ask the same price; the door looked before the other one had claimed."""
    pay_to = somebody("seller").address
    here, there = market.sell(pay_to=pay_to), market.sell(answer(b'{"of":"there"}'), pay_to=pay_to)
    paper = market.sign(there, market.buyer(), named=True)
    body = Paper(here, {**paper.payload, "resource": None})
    parts = urlsplit(here.url)
    line = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)
    with contextlib.closing(line):
        head = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        head += f"PAYMENT-SIGNATURE: {body.headers['PAYMENT-SIGNATURE']}\r\n"
        head += "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        line.sendall(head.encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 100"), "it is known not to be ours yet"
        assert market.until_answered(paper).status == 200
        line.sendall(b"0\r\n\r\n")
        said = b"".join(iter(lambda: line.recv(65_536), b""))

    assert said.startswith(b"HTTP/1.1 409")
    assert b"other_request" in said
    assert market.calls(here) == 0
