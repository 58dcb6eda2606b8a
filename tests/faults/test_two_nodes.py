"""Two nodes that must agree about large sums: their quarrel is about those alone."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.market import somebody
from tests.fixtures.cast import Person
from tests.fixtures.rpc_proxy import RpcProxy
from tests.fixtures.stack import Stack, running_stack
from tests.fixtures.wallet import ask, authorize, pack

RECEIPT = "eth_getTransactionReceipt"


@pytest.fixture
def two_nodes(
    tmp_path: Path, anvil_binary: Path, django_db_blocker: Any
) -> Iterator[tuple[Stack, RpcProxy]]:
    """A marketplace that asks two nodes about whatever costs a dollar or more."""
    with contextlib.ExitStack() as ends:
        proxies: list[RpcProxy] = []

        def second(node_url: str) -> str:
            proxies.append(RpcProxy(node_url))
            ends.callback(proxies[0].close)
            return proxies[0].url

        stack = running_stack(
            tmp_path,
            anvil_binary,
            django_db_blocker,
            webs=1,
            second_rpc=second,
            network_settings={"AGREE_ABOVE": "1"},
            HOLD_WAIT_SECONDS="3",
        )
        yield ends.enter_context(stack), proxies[0]


def unlike(true: Any) -> Any:
    return true and {**true, "status": "0x0", "logs": []}


def named(url: str, payer: Person) -> dict[str, str]:
    """A payment that its buyer can send again and again."""
    payload = authorize(ask(url).challenge, payer)
    name = f"pay_{secrets.token_hex(16)}"
    payload["extensions"] = {"payment-identifier": {"info": {"id": name}}}
    return {"PAYMENT-SIGNATURE": pack(payload)}


def test_a_quarrel_about_a_large_payment_holds_up_no_small_one(
    two_nodes: tuple[Stack, RpcProxy],
) -> None:
    stack, second = two_nodes
    large, small = stack.sell(dollars="2"), stack.sell()
    rich, other = somebody("buyer"), somebody("other_buyer")
    stack.chain.fund(rich.address, 3)
    stack.chain.fund(other.address, 1)
    lying = second.lie(RECEIPT, unlike)
    much, little = named(large.url, rich), named(small.url, other)
    stack.wait_until(
        lambda: ask(large.url, headers=much).status == 503 and lying.reached.is_set(), "the quarrel"
    )

    stack.wait_until(lambda: ask(small.url, headers=little).status == 200, "the small one")

    assert ask(large.url, headers=much).status == 503, "nobody knows whom to believe"
    second.heal()
    stack.wait_until(lambda: ask(large.url, headers=much).status == 200, "the answer")
    assert len(large.calls) == 1
