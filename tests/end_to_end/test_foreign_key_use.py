"""Somebody else sends with the relayer's key: it stops, and payments go out under another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from marketplace.embedded.chain import ONE_ETHER
from marketplace.embedded.demo_accounts import RELAYER
from tests.fixtures.cast import Cast, person
from tests.fixtures.stack import Stack, running_stack
from tests.fixtures.wallet import buy

SECOND = person("second relayer")


@pytest.fixture(scope="module")
def two_keys(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Stack]:
    with running_stack(
        tmp_path_factory.mktemp("keys"),
        anvil_binary,
        django_db_blocker,
        webs=1,
        relayer_keys=(RELAYER.private_key, SECOND.private_key),
    ) as stack:
        stack.chain.set_balance(SECOND.address, ONE_ETHER)
        yield stack


def test_a_used_number_stops_its_key_and_no_payment(two_keys: Stack, cast: type[Cast]) -> None:
    stack, sold = two_keys, two_keys.sell()
    stack.chain.fund(cast.buyer.address, 1)
    assert buy(sold.url, cast.buyer).status == 200
    nonce = int(stack.chain.rpc("eth_getTransactionCount", [RELAYER.address, "latest"]), 16)
    stranger = Account.sign_transaction(
        {
            "chainId": stack.chain.chain_id, "nonce": nonce, "to": cast.attacker.address,
            "value": 1, "gas": 21_000, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
        },
        RELAYER.private_key,
    )  # fmt: skip
    stack.chain.rpc("eth_sendRawTransaction", [f"0x{stranger.raw_transaction.hex()}"])

    said = buy(sold.url, cast.buyer)

    assert said.status == 200, said.body
    sent = stack.chain.rpc("eth_getTransactionByHash", [said.settlement["transaction"]])
    assert sent["from"] == SECOND.address.lower()
    stopped = "select stopped_why <> '' from payments_relayer where address = %s"
    stack.wait_until(lambda: stack.rows(stopped, RELAYER.address) == [(True,)], "the stop")
    assert stack.rows(stopped, SECOND.address) == [(False,)]
