"""Facilitators are down, slow, confused and lying: only the chain moves money, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults import stranger
from tests.faults.market import SHORT_SECONDS, Market, Paper, open_market
from tests.fixtures.facilitator import (
    Behaviour,
    ScriptedFacilitator,
    answers,
    hangs,
    resets,
    says,
    then,
)
from tests.fixtures.wallet import ask

NOWHERE = "0x" + "ab" * 32
QUICK = {
    "SOUK_FACILITATOR_SETTLE_SECONDS": "2",
    "SOUK_FACILITATOR_ASK_SECONDS": "2",
    "SOUK_FACILITATOR_POLL_SECONDS": "0.2",
    "SOUK_FACILITATOR_REST_SECONDS": "3",
}
ASKED = """
    select s.facilitator, s.outcome, s.transaction from payments_submission s
      join payments_payment p on p.id = s.payment_id where p.nonce = %s order by s.number
"""


@dataclass
class Counter:
    """A marketplace that settles through two facilitators, and both of them."""

    market: Market
    first: ScriptedFacilitator
    second: ScriptedFacilitator

    def outcomes(self, paper: Paper) -> list[tuple[str, str]]:
        return [tuple(row[:2]) for row in self.market.stack.rows(ASKED, paper.nonce)]  # type: ignore[misc]

    def pay(self, behaviour: Behaviour, **how: Any) -> tuple[Paper, Any]:
        """One payment for which the first facilitator behaves so; and what the buyer was told."""
        paper = self.market.sign(self.market.sell(), self.market.buyer(), named=True, **how)
        self.first.behave_for[paper.nonce] = behaviour
        return paper, self.market.send(paper)

    def pay_together(self, behaviours: dict[str, Behaviour]) -> dict[str, tuple[Paper, Any]]:
        """One payment for each behaviour, all given to the first facilitator at one moment."""
        papers = {
            name: self.market.sign(self.market.sell(), self.market.buyer(), named=True)
            for name in behaviours
        }
        self.first.behave_for.update(
            {papers[name].nonce: behaviour for name, behaviour in behaviours.items()}
        )
        self.market.stop(self.market.worker)
        asked = {name: self.market.sending(paper) for name, paper in papers.items()}
        for paper in papers.values():
            self.market.wait_state(paper, ("answered", "none"))
        self.market.go_on()
        return {name: (papers[name], asked[name].result()) for name in papers}

    def finish(self, *papers: Paper) -> None:
        """Everybody is honest again: the payments end once each, and so does the next."""
        self.heal()
        for paper in papers:
            self.market.hurry(paper)
        for paper in papers:
            assert self.market.until_answered(paper).status == 200
            assert self.market.paid(paper) == 10_000
            assert len(paper.sold.calls) == 1
        for paper in papers:
            self.market.confirm(paper)
        self.market.buy()

    def first_is_first(self) -> bool:
        """What went before is forgotten: it is up, and rests no more."""
        return self.outcomes(self.market.buy())[-1] == ("first", "settled")

    def heal(self) -> None:
        self.first.heal()
        self.second.heal()

    def is_on_record(self, asked: ScriptedFacilitator, nonce: bytes) -> bool:
        """Stored, and only then sent: one row for every asking, before it arrives."""
        name = "first" if asked is self.first else "second"
        rows = [row for row in self.market.stack.rows(ASKED, nonce) if row[0] == name]
        return len(rows) > len(asked.asked_for(nonce))


@pytest.fixture(scope="session")
def _counter(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("facilitated")
    first, second = ScriptedFacilitator("first"), ScriptedFacilitator("second")
    secret = folder / "headers.json"
    secret.write_text('{"settle": {"Authorization": "Bearer one"}}')
    listed = [
        {"NAME": "first", "URL": first.url, "HEADERS_FILE": str(secret)},
        {"NAME": "second", "URL": f"{second.url}/"},
    ]
    way = {"SETTLE": "facilitator", "FACILITATORS": listed}
    with open_market(
        folder / "market",
        anvil_binary,
        django_db_blocker,
        network_settings=way,
        relayer_keys=(),
        **QUICK,
    ) as market:
        counter = Counter(market, first, second)
        for facilitator in (first, second):
            facilitator.chain = market.chain
            facilitator.is_on_record = counter.is_on_record
        yield counter
        market.closes_well()
    first.close()
    second.close()


@pytest.fixture
def counter(_counter: Counter) -> Iterator[Counter]:
    """The marketplace that these tests share; afterwards every invariant holds."""
    _counter.heal()
    _counter.market.heal()
    _counter.market.wait(_counter.first_is_first, "the first facilitator")
    yield _counter
    _counter.heal()
    _counter.market.ends_well()
    asked = [*_counter.first.asked, *_counter.second.asked]
    assert all(each.on_record for each in asked), "asked before it was written down"


@pytest.fixture
def market(counter: Counter) -> Market:
    return counter.market


def test_a_payment_is_settled_by_the_first_facilitator(counter: Counter, market: Market) -> None:
    paper = market.buy()

    market.confirm(paper)
    (asking,) = counter.first.asked_for(paper.nonce)
    assert counter.second.asked_for(paper.nonce) == []
    assert counter.outcomes(paper) == [("first", "settled")]
    assert market.paid(paper) == 10_000
    assert asking.request.headers["Authorization"] == "Bearer one"


def test_it_is_asked_by_our_own_offer(counter: Counter, market: Market) -> None:
    """Nothing of what the buyer echoed goes to a facilitator but the signed terms."""
    sold = market.sell()
    paper = market.sign(sold, market.buyer())
    paper.payload["accepted"]["extra"]["bribe"] = "all of it"
    paper.payload["accepted"]["payTo"] = paper.payload["accepted"]["payTo"].lower()

    assert market.send(paper).status == 200

    offer = ask(sold.url).challenge["accepts"][0]
    document = counter.first.asked_for(paper.nonce)[0].document
    assert document == {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "payload": paper.payload["payload"],
            "accepted": offer,
        },
        "paymentRequirements": offer,
    }


# After three payments without a word the first would rest, and the others go to the second.
REALLY: tuple[dict[str, Behaviour], ...] = (
    {
        "then hangs": then(hangs),
        "then resets the connection": then(resets),
        "then says it failed": then(says(False, reason="invalid_exact_evm_insufficient_balance")),
        "then says it never began": then(says(False, reason="unsupported_scheme")),
    },
    {
        "then says 500": then(answers(500)),
        "then names no transaction": then(says(True)),
        "then names another transaction": then(says(True, NOWHERE)),
        "then turns us away": then(answers(401)),
        "then says pending": then(says(False, NOWHERE, "settlement_pending")),
    },
)


@pytest.mark.parametrize("behaviours", REALLY, ids=["silent", "confused"])
def test_what_was_submitted_counts_whatever_is_said(
    counter: Counter, market: Market, behaviours: dict[str, Behaviour]
) -> None:
    paid = counter.pay_together(behaviours)

    for name, (_, said) in paid.items():
        assert said.status in (200, 503), name
        assert said.status == 200 or said.settlement["errorReason"] == "settlement_pending", name
    counter.finish(*(paper for paper, _ in paid.values()))


ONLY_WORDS: tuple[dict[str, Behaviour], ...] = (
    {
        "hangs": hangs,
        "resets the connection": resets,
        "says success for a hash that does not exist": says(True, NOWHERE),
        "says pending": says(False, NOWHERE, "settlement_pending"),
        "says pending without a hash": says(False, "", "settlement_pending"),
    },
    {
        "says 500": answers(500),
        "says success for no hash": says(True, "0x"),
        "says that there is no money": says(False, reason="invalid_exact_evm_insufficient_balance"),
        "says that it was used": says(False, reason="invalid_exact_evm_nonce_already_used"),
    },
)


@pytest.mark.parametrize("behaviours", ONLY_WORDS, ids=["silent", "confused"])
def test_words_are_no_payment_and_no_failure(
    counter: Counter, market: Market, behaviours: dict[str, Behaviour]
) -> None:
    paid = counter.pay_together(behaviours)

    for name, (paper, said) in paid.items():
        assert said.status == 503, name
        assert said.settlement["success"] is False, name
        assert said.settlement["errorReason"] == "settlement_pending", name
        assert market.state(paper) == ("answered", "broadcast"), name
        assert market.paid(paper) == 0, name
    counter.finish(*(paper for paper, _ in paid.values()))
    for name, (paper, _) in paid.items():
        assert counter.second.asked_for(paper.nonce) == [], f"{name}: the first may have sent it"


def test_the_transaction_of_somebody_else_is_no_proof(counter: Counter, market: Market) -> None:
    other = market.buy()
    theirs = "0x" + market.row(other)["transaction"].hex()

    paper, said = counter.pay(says(True, theirs))

    assert said.status == 503
    market.wait(lambda: ("first", "disproved") in counter.outcomes(paper), "the disproof")
    assert market.money(paper) == "broadcast"
    counter.finish(paper)
    assert market.row(paper)["transaction"].hex() != theirs[2:]
    assert counter.second.asked_for(paper.nonce) == []


def test_the_same_facilitator_is_asked_again_for_the_same(counter: Counter, market: Market) -> None:
    paper, said = counter.pay(answers(502))

    assert said.status == 503
    market.wait(lambda: len(counter.first.asked_for(paper.nonce)) > 1, "the second asking")
    documents = [each.document for each in counter.first.asked_for(paper.nonce)]
    assert all(each == documents[0] for each in documents)
    counter.finish(paper)


def test_pending_is_watched_until_its_block_comes(counter: Counter, market: Market) -> None:
    async def submits_and_says_pending(self: Any, asking: Any) -> Any:
        sent = await self.submit(asking)
        return await says(False, sent, "settlement_pending")(self, asking)

    paper = market.sign(market.sell(), market.buyer(), named=True)
    counter.first.behave = submits_and_says_pending
    market.chain.pause()

    said = market.send(paper)

    assert said.status == 503
    assert said.settlement["transaction"] == "", "nothing is shown of what is not proven"
    assert counter.outcomes(paper)[0] == ("first", "pending")
    market.chain.resume()
    assert market.until_answered(paper).status == 200
    counter.finish(paper)


def test_pending_for_ever_ends_with_the_signature(counter: Counter, market: Market) -> None:
    paper, said = counter.pay(says(False, NOWHERE, "settlement_pending"), seconds=SHORT_SECONDS)

    assert said.status == 503
    with market.later(SHORT_SECONDS + 1):
        market.hurry(paper)
        market.wait_state(paper, ("answered", "failed"))
    assert market.paid(paper) == 0
    assert counter.second.asked_for(paper.nonce) == []
    counter.heal()
    market.buy()


BEFORE: tuple[dict[str, Behaviour], ...] = (
    {
        "turns us away": answers(401),
        "does not know the scheme": says(False, reason="unsupported_scheme"),
    },
    {
        "is the wrong address": answers(404),
        "does not know the network": says(False, reason="invalid_exact_evm_network_mismatch"),
    },
)


@pytest.mark.parametrize("behaviours", BEFORE, ids=["one", "other"])
def test_the_next_is_asked_when_the_first_certainly_did_nothing(
    counter: Counter, market: Market, behaviours: dict[str, Behaviour]
) -> None:
    paid = counter.pay_together(behaviours)

    papers = [paper for paper, _ in paid.values()]
    for paper in papers:
        assert market.until_answered(paper).status == 200
        assert counter.outcomes(paper) == [("first", "unsent"), ("second", "settled")]
    counter.finish(*papers)


def test_of_two_facilitators_the_one_that_is_up_is_used(counter: Counter, market: Market) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    counter.first.down()
    try:
        gate.open()
        assert asked.result().status == 200 or market.until_answered(paper).status == 200
        assert counter.outcomes(paper)[-1] == ("second", "settled")
        market.confirm(paper)
        market.buy()
    finally:
        counter.first.up()


def test_without_any_facilitator_nothing_is_sold(counter: Counter, market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    counter.first.down()
    counter.second.kinds = [{"x402Version": 2, "scheme": "exact", "network": "eip155:8453"}]
    try:
        market.wait(lambda: ask(sold.url).status == 503, "the refusal")

        said = market.send(paper)

        assert said.status == 503
        assert int(said.headers["retry-after"]) > 0
        assert market.row(paper) == {}
        assert market.calls(sold) == 0
    finally:
        counter.first.up()
    market.wait(lambda: ask(sold.url).status == 402, "the sale goes on")
    assert market.until_answered(paper).status == 200
    market.confirm(paper)


def test_an_empty_list_of_kinds_means_nothing(counter: Counter, market: Market) -> None:
    sold = market.sell()
    counter.first.kinds, counter.second.kinds = [], []
    seen = len(counter.first.looks)

    market.wait(lambda: len(counter.first.looks) > seen + 2, "looks at the list")

    assert ask(sold.url).status == 402
    market.buy(sold)


def test_an_answer_in_hand_outlasts_all_facilitators(counter: Counter, market: Market) -> None:
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    counter.first.down()
    counter.second.down()
    try:
        gate.open()
        assert asked.result().status == 503
        assert market.state(paper)[0] == "answered"
    finally:
        counter.first.up()
        counter.second.up()
    counter.finish(paper)
    assert market.calls(sold) == 1


def test_a_worker_killed_between_record_and_answer_asks_no_other(
    counter: Counter, market: Market
) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    counter.first.behave = hangs
    market.sending(paper)
    market.wait(lambda: counter.first.asked_for(paper.nonce), "the asking")
    market.kill_worker()
    assert counter.outcomes(paper) == [("first", "unknown")]
    counter.first.heal()

    market.start_worker()

    counter.finish(paper)
    assert counter.second.asked_for(paper.nonce) == []


def test_a_settlement_found_after_a_kill_is_not_asked_for_again(
    counter: Counter, market: Market
) -> None:
    counter.first.behave = then(hangs)
    paper = market.sign(market.sell(), market.buyer(), named=True)
    market.stop(market.worker)
    market.sending(paper)
    market.wait_state(paper, ("answered", "none"))
    market.chain.pause()
    market.go_on()
    market.wait(lambda: counter.first.asked_for(paper.nonce), "the asking")
    market.kill_worker()
    market.chain.resume()
    market.wait(lambda: market.paid(paper), "the block")

    market.start_worker()

    market.wait_money(paper, "settled", "confirmed")
    assert len(counter.first.asked_for(paper.nonce)) == 1
    counter.finish(paper)


def test_a_buyer_who_drains_the_wallet_is_never_charged(counter: Counter, market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer("0.01")
    paper = market.sign(sold, buyer, named=True, seconds=SHORT_SECONDS)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    stranger.drain(market, buyer)
    gate.open()

    assert asked.result().status == 503
    with market.later(SHORT_SECONDS + 1):
        market.hurry(paper)
        market.wait_state(paper, ("answered", "failed"))
    assert market.paid(paper) == 0
    market.buy()


def test_a_strangers_transaction_is_the_payment(counter: Counter, market: Market) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    counter.first.behave = hangs
    asked = market.sending(paper)
    market.wait(lambda: counter.first.asked_for(paper.nonce), "the asking")

    theirs = stranger.submit(market, paper)

    assert asked.result().status == 200 or market.until_answered(paper).status == 200
    assert market.row(paper)["transaction"].hex() == theirs[2:]
    counter.finish(paper)


def test_a_payment_that_a_reorganisation_undid_is_asked_for_again(
    counter: Counter, market: Market
) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    assert market.send(paper).status == 200
    first = market.row(paper)["transaction"]
    market.chain.reorg(1)
    market.chain.mine()

    market.wait(lambda: market.row(paper)["transaction"] not in (None, first), "the next one")
    counter.finish(paper)
    assert counter.second.asked_for(paper.nonce) == []
