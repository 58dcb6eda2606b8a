"""The connections to sellers are few: who hangs on some leaves some, and nobody is blamed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from marketplace.calls.room import BREAKER_FAILURES
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Sold, Stack, running_stack
from tests.fixtures.upstream import ScriptedUpstream, answer, hang
from tests.fixtures.wallet import Said, ask, authorize, pack


@pytest.fixture(scope="module")
def stack(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Stack]:
    with running_stack(
        tmp_path_factory.mktemp("pool"),
        anvil_binary,
        django_db_blocker,
        webs=1,
        SOUK_UPSTREAM_CONNECTIONS_MAX="2",
        SOUK_UPSTREAM_CONNECT_SECONDS="1",
    ) as running:
        running.chain.fund(Cast.buyer.address, 100)
        yield running


@pytest.fixture
def slow(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sold]:
    """A listing of another host, which answers when it is let."""
    host = ScriptedUpstream()
    host.start()
    with monkeypatch.context() as there:
        there.setattr(stack, "upstream", host)
        sold = stack.sell(behaviour=hang())
    yield sold
    host.stop()


def signed(sold: Sold, identifier: str = "") -> dict[str, str]:
    payload = authorize(ask(sold.url).challenge, Cast.buyer)
    if identifier:
        payload["extensions"] = {"payment-identifier": {"info": {"id": identifier}}}
    return {"PAYMENT-SIGNATURE": pack(payload)}


def buy(sold: Sold) -> Said:
    return ask(sold.url, headers=signed(sold))


def test_what_is_paid_upfront_and_finds_no_place_is_done_later_and_no_refund_is_due(
    stack: Stack, slow: Sold
) -> None:
    payment = f"pay_{secrets.token_hex(16)}"
    with ThreadPoolExecutor(1) as callers:
        first = callers.submit(buy, slow)
        stack.wait_until(lambda: len(slow.calls) == 1, "the call")
        stack.upstream, own = slow.upstream, stack.upstream
        upfront = stack.sell(release="upfront", behaviour=hang())
        stack.upstream = own
        paper = signed(upfront, payment)

        said = ask(upfront.url, headers=paper)
        asked = len(upfront.calls)
        slow.upstream.release()

        assert first.result().status == 200

    assert (said.status, said.json["error"], asked) == (503, "busy", 0)
    assert said.settlement["success"] is True
    again = ask(upfront.url, headers=paper)
    assert (again.status, len(upfront.calls)) == (200, 1)
    assert again.settlement["transaction"] == said.settlement["transaction"]


def test_a_host_that_hangs_takes_not_all_connections_and_is_not_shut_for_its_own_crowd(
    stack: Stack, slow: Sold
) -> None:
    quick, papers = stack.sell(), [signed(slow) for _ in range(BREAKER_FAILURES + 1)]

    with ThreadPoolExecutor(len(papers) + 1) as callers:
        first = callers.submit(buy, slow)
        stack.wait_until(lambda: len(slow.calls) == 1, "the call")
        crowd = list(callers.map(lambda paper: ask(slow.url, headers=paper), papers))
        beside = [buy(quick) for _ in range(BREAKER_FAILURES + 1)]
        slow.upstream.release()

        assert first.result().status == 200
    slow.answers(answer())

    assert [(each.status, each.json["error"]) for each in crowd] == [(503, "busy")] * len(papers)
    assert all("retry-after" in each.headers for each in crowd)
    assert [each.status for each in beside] == [200] * len(beside)
    assert len(slow.calls) == 1
    again = [ask(slow.url, headers=paper) for paper in papers]
    assert [each.status for each in again] == [200] * len(papers), again
