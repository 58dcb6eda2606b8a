"""PostgreSQL says nothing any more, and no line ends: doors and settlers notice by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.faults.market import Market, Paper, open_market
from tests.fixtures.wallet import Said, ask

ANSWER_SECONDS = "2"
SETTLING_SECONDS = "3"


@pytest.fixture(scope="module")
def _silenced(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Market]:
    opened = open_market(
        tmp_path_factory.mktemp("silenced"), anvil_binary, django_db_blocker,
        DATABASE_ANSWER_SECONDS=ANSWER_SECONDS, DATABASE_SETTLING_SECONDS=SETTLING_SECONDS,
    )  # fmt: skip
    with opened as market:
        yield market


@pytest.fixture
def market(_silenced: Market) -> Iterator[Market]:
    _silenced.heal()
    yield _silenced
    _silenced.heal()
    _silenced.quiet()
    _silenced.check()


def ends_once(market: Market, paper: Paper) -> None:
    """The same payment ends once, and so does the next."""
    assert market.until_answered(paper).status == 200
    assert market.paid(paper) == 10_000
    market.buy()


def test_a_door_whose_database_is_silent_quotes_nothing(market: Market) -> None:
    """Nobody waits for it for long, not even who asked before it was noticed."""
    sold = market.sell()
    early, late = (market.sign(sold, market.buyer(), named=True) for _ in range(2))
    market.database.stall()
    asked = market.sending(early)
    market.wait(lambda: ask(sold.url).status == 503, "no more quotes")

    said = market.send(late)

    for each in (said, asked.result()):
        assert (each.status, each.json["error"]) == (503, "unavailable")
        assert "payment-required" not in each.headers
    market.heal()
    assert market.until_answered(early).status == 200
    assert market.until_answered(late).status == 200
    assert market.paid(early) == 20_000
    assert market.calls(sold) == 2
    market.buy()


def before_a_call(market: Market, paper: Paper) -> Future[Said]:
    market.database.strand()
    return market.sending(paper)


def during_the_call(market: Market, paper: Paper) -> Future[Said]:
    gate = market.gate()
    paper.sold.answers(market.witnessed(gate))
    asked = market.sending(paper)
    market.wait(lambda: gate.waiting, "the call")
    market.database.strand()
    gate.open()
    return asked


def while_it_settles(market: Market, paper: Paper) -> Future[Said]:
    market.chain.pause()
    asked = market.sending(paper)
    market.wait_money(paper, "broadcast")
    market.database.strand()
    market.chain.resume()
    return asked


@pytest.mark.parametrize("when", [before_a_call, during_the_call, while_it_settles])
def test_lines_that_never_speak_again_are_replaced(market: Market, when: Any) -> None:
    """The database is well, and on every line that was open nothing comes any more."""
    paper = market.sign(market.sell(), market.buyer(), named=True)

    said = when(market, paper).result()

    assert said.status in (200, 409, 503), said
    assert "payment-required" not in said.headers
    ends_once(market, paper)
