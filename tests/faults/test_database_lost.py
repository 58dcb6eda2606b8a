"""PostgreSQL is killed, or a line to it breaks at any message: the rows decide, once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from marketplace.embedded.postgres import Postgres
from tests.faults.market import Market, Paper, open_market
from tests.fixtures.wallet import Said, ask

MESSAGES = [1, 3, 5, 8, 12, 17]
SWEEPS_SECONDS = 3  # of the worker's clock, in which it looks for dead calls twice
LEASE_SECONDS = 20


def finish(market: Market, paper: Paper) -> None:
    """The same payment ends once, and so does the next."""
    market.heal()
    assert market.until_answered(paper).status == 200
    assert market.paid(paper) == 10_000
    market.buy()


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("after", [False, True], ids=["unheard", "unanswered"])
def test_a_line_cut_at_any_message_is_no_verdict(market: Market, message: int, after: bool) -> None:
    """Cut before the server hears it, or when it did and its word does not come back."""
    paper = market.sign(market.sell(), market.buyer(), named=True)
    market.database.cut_at(market.database.messages + message, after=after)

    asked = market.sending(paper)
    assert market.database.reached.wait(10)
    market.database.reached.clear()
    market.database.pass_on()

    said = asked.result()
    assert said.status in (200, 409, 500, 503), said
    assert "payment-required" not in said.headers
    finish(market, paper)
    if said.status == 503:
        names_what_it_became(market, paper, said)


def names_what_it_became(market: Market, paper: Paper, said: Said) -> None:
    """A claim that may have been committed is named: its page is this payment's, or is none."""
    page = said.json.get("status_url")
    if page is None:
        return
    answered = market.until_answered(paper).headers["x-souk-payment"]
    status = ask(page, headers={"accept": "application/json"}).status
    assert status == (200 if page.endswith(f"/{answered}") else 404), (page, answered)


def test_work_that_was_done_outlasts_a_short_outage(market: Market) -> None:
    """The answer is in hand and cannot be stored: it is kept, and not asked for twice."""
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")
    market.database.cut()
    gate.open()
    market.wait(lambda: not gate.waiting, "the answer")
    market.database.pass_on()

    assert asked.result().status in (200, 503)
    finish(market, paper)
    assert market.calls(sold) == 1


def test_a_door_without_its_database_quotes_nothing(market: Market) -> None:
    """And lets nobody wait for it: who has paid is told to send the same payment again."""
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    market.database.cut()
    market.wait(lambda: ask(sold.url).status == 503, "no more quotes")

    said = market.send(paper)

    assert (said.status, said.json["error"]) == (503, "unavailable")
    assert "payment-required" not in said.headers
    finish(market, paper)
    assert market.calls(sold) == 1


@dataclass
class Killable:
    """A marketplace on a database server of its own, which can be killed and started again."""

    market: Market
    server: Postgres
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.server.command(), stdout=output, stderr=output, **self.server.popen_kwargs()
            )
        self.server.wait_ready(self.process)


@pytest.fixture(scope="module")
def killable(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Killable]:
    folder = tmp_path_factory.mktemp("killable")
    server = Postgres(folder / "postgres", durable=False, say=lambda _: None)
    process = server.start(folder / "postgres.log")
    server.create_database("souk")
    try:
        opened = open_market(
            folder / "market", anvil_binary, django_db_blocker, database_url=server.url("souk"),
            SOUK_LEASE_SECONDS=str(LEASE_SECONDS),
        )  # fmt: skip
        with opened as market:
            killable = Killable(market, server, process, folder / "postgres.log")
            yield killable
            process = killable.process
    finally:
        server.stop(process)


def during_the_call(killable: Killable, paper: Paper) -> Any:
    market = killable.market
    gate = market.gate()
    paper.sold.answers(market.witnessed(gate))
    asked = market.sending(paper)
    market.wait(lambda: gate.waiting, "the call")  # its witness has looked into the database
    killable.kill()
    gate.open()
    return asked


def while_it_settles(killable: Killable, paper: Paper) -> Any:
    market = killable.market
    market.chain.pause()
    asked = market.sending(paper)
    market.wait_money(paper, "broadcast")
    killable.kill()
    market.chain.resume()
    return asked


@pytest.mark.parametrize("when", [during_the_call, while_it_settles])
def test_a_killed_database_forgets_nothing(killable: Killable, when: Any) -> None:
    market = killable.market
    paper = market.sign(market.sell(), market.buyer(), named=True)

    asked = when(killable, paper)
    killable.start()

    said = asked.result()
    assert said.status in (200, 500, 503), said
    assert "payment-required" not in said.headers
    finish(market, paper)
    market.quiet()
    market.check()


def test_work_that_was_done_outlasts_a_long_outage(killable: Killable) -> None:
    """The worker is back before the door, which could not say meanwhile that it lives."""
    market = killable.market
    paper = market.sign(market.sell(), market.buyer(), named=True)
    asked = during_the_call(killable, paper)
    market.wait(lambda: not market.gates[-1].waiting, "the answer")
    for door in market.stack.webs:
        market.stop(door)
    killable.start()
    market.stack.rows(
        "update payments_progress set lease_until = clock_timestamp() - interval '1 second'"
        " where payment_id = %s returning 1",
        market.row(paper)["id"],
    )
    swept = (
        "select 1 from payments_chainhealth where seen_at > pg_postmaster_start_time()"
        f" + interval '{SWEEPS_SECONDS} seconds'"
    )
    market.wait(lambda: market.stack.rows(swept), "two sweeps")
    market.go_on()

    assert asked.result().status in (200, 503)
    finish(market, paper)
    assert market.calls(paper.sold) == 1
    market.quiet()
    market.check()
