"""Blocks come, and nothing of ours is in them: no work is done that nobody may pay for."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from payments.chains import Block
from payments.relaying.settling import IN_NO_BLOCK, _gets_nowhere
from tests.faults.market import Market
from tests.fixtures.wallet import ask


def test_what_comes_into_no_block_ends_sales_until_it_does(market: Market) -> None:
    sold = market.sell()
    first, second = (market.sign(sold, market.buyer(), named=True) for _ in range(2))
    market.rpc.drop("eth_sendRawTransaction", times=None)
    assert market.send(first).status == 503
    assert market.calls(sold) == 1

    def is_refused() -> bool:
        market.chain.mine()
        return market.stack.rows("select refusing_why from payments_chainhealth") == [
            (IN_NO_BLOCK,)
        ]

    market.wait(is_refused, "that no payment is taken")
    market.wait(lambda: ask(sold.url).status == 503, "that the door knows it")
    said = market.send(second)
    assert (said.status, said.json["error"]) == (503, "settlement_unavailable")
    assert market.calls(sold) == 1, "the seller was not asked"

    market.rpc.heal()
    market.wait(market.stack.settling, "that payments are taken")
    assert market.until_answered(second).status == 200
    market.wait_money(first, "settled", "confirmed")


@pytest.mark.parametrize(
    ("clock_seconds", "chain_seconds", "is_nowhere"),
    [(99, 99, False), (101, 101, True), (101, 20, False), (20, 101, False)],
    ids=["soon", "long", "a chain that stands still", "a chain that is ahead"],
)
def test_it_takes_both_clocks(
    monkeypatch: pytest.MonkeyPatch, clock_seconds: int, chain_seconds: int, is_nowhere: bool
) -> None:
    since = 1_000.0
    monkeypatch.setattr(time, "time", lambda: since + clock_seconds)
    desk: Any = SimpleNamespace(terms=SimpleNamespace(stuck_seconds=30.0, settle_margin_seconds=40))
    head = Block(1, bytes(32), int(since) + chain_seconds, 1)
    assert _gets_nowhere(desk, since, head) is is_nowhere
