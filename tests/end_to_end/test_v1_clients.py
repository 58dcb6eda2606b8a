"""Clients nobody here wrote pay in version 1 of x402, with their default settings.

Today's clients fall back to it where only a body quotes; the legacy one speaks nothing else.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import httpx
import pytest
from x402 import x402Client, x402ClientSync
from x402.http.clients.httpx import x402HttpxClient
from x402.http.clients.requests import x402_requests
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client

from tests.fixtures.cast import Cast, Person
from tests.fixtures.stack import Stack
from tests.fixtures.typescript import typescript_folder
from tests.fixtures.wallet import unpack
from tests.sellers.conftest import BASE, SEPOLIA
from tests.sellers.test_offers_v1 import ARBITRUM, CELO, WIDE_SITE, quoted, sold_on

BODY = {"type": "object", "properties": {"text": {"type": "string"}}}
QUERY = {"type": "object", "properties": {"city": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Bought:
    status: int
    body: str
    proofs: list[str | None]  # PAYMENT-RESPONSE, X-PAYMENT-RESPONSE

    @property
    def settlement(self) -> Any:
        new, old = self.proofs
        assert new is None, "a client of version 1 is answered in version 1 alone"
        assert old is not None, self.body
        return unpack(old)


class Client(Protocol):
    def __call__(self, payer: Person, url: str, method: str, body: str | None) -> Bought: ...


def proofs(said: Any) -> list[str | None]:
    return [said.headers.get(name) for name in ("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE")]


def httpx_client(payer: Person, url: str, method: str, body: str | None) -> Bought:
    async def call() -> httpx.Response:
        client = register_exact_evm_client(x402Client(), EthAccountSigner(payer.account))
        async with x402HttpxClient(client) as session:
            headers = {"Content-Type": "application/json"} if body else {}
            return await session.request(method, url, content=body, headers=headers)

    said = asyncio.run(call())
    return Bought(said.status_code, said.text, proofs(said))


def requests_client(payer: Person, url: str, method: str, body: str | None) -> Bought:
    client = register_exact_evm_client(x402ClientSync(), EthAccountSigner(payer.account))
    with x402_requests(client) as session:
        headers = {"Content-Type": "application/json"} if body else {}
        said = session.request(method, url, data=body, headers=headers, timeout=60)
    return Bought(said.status_code, said.text, proofs(said))


def typescript(client: str, payer: Person, url: str, method: str, body: str | None) -> Bought:
    done = subprocess.run(
        ["node", "old_fetch.mjs", client, url, method, *([body] if body else [])],
        cwd=typescript_folder(), env={**os.environ, "BUYER_KEY": payer.private_key},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Bought(**json.loads(done.stdout))


ALL = pytest.mark.parametrize(
    "client",
    [
        pytest.param(httpx_client, id="httpx"),
        pytest.param(requests_client, id="requests"),
        pytest.param(partial(typescript, "today"), id="x402_fetch_of_today"),
        pytest.param(partial(typescript, "legacy"), id="legacy_x402_fetch"),
    ],
)


@ALL
def test_it_buys_with_get(stack: Stack, cast: type[Cast], client: Client) -> None:
    sold = stack.sell(
        input_schema={"type": "object", "properties": {"query": QUERY}},
        example={"query": {"city": "Oslo"}},
    )
    stack.chain.fund(cast.other_buyer.address, 1)

    bought = client(
        cast.other_buyer, f"{sold.url}?city=S%C3%A3o%20Paulo&x402Version=1", "GET", None
    )

    assert (bought.status, json.loads(bought.body)) == (200, {"ok": True})
    assert bought.settlement["success"] is True
    assert bought.settlement["network"] == "base-sepolia"
    assert [call.query for call in sold.calls] == [[("city", "São Paulo")]]


@ALL
def test_it_buys_with_post(stack: Stack, cast: type[Cast], client: Client) -> None:
    sold = stack.sell(
        method="POST",
        input_schema={"type": "object", "properties": {"body": BODY}, "required": ["body"]},
        example={"body": {"text": "hello"}},
    )
    stack.chain.fund(cast.other_buyer.address, 1)

    bought = client(cast.other_buyer, f"{sold.url}?x402Version=1", "POST", '{"text": "hällo"}')

    assert bought.status == 200, bought.body
    assert [json.loads(call.body) for call in sold.calls] == [{"text": "hällo"}]
    receipt = stack.chain.rpc("eth_getTransactionReceipt", [bought.settlement["transaction"]])
    assert receipt["status"] == "0x1"
    stored = "select protocol_version from payments_payment where listing_path = %s"
    assert stack.rows(stored, sold.path) == [(1,)]


def test_the_legacy_client_pays_up_to_its_own_limit_of_ten_cents(
    stack: Stack, cast: type[Cast]
) -> None:
    dear, fair = stack.sell(dollars="0.11"), stack.sell(dollars="0.10")
    stack.chain.fund(cast.other_buyer.address, 1)
    buy = partial(typescript, "legacy", cast.other_buyer)

    assert buy(f"{fair.url}?x402Version=1", "GET", None).status == 200
    with pytest.raises(AssertionError, match="exceeds maximum allowed"):
        buy(f"{dear.url}?x402Version=1", "GET", None)
    assert dear.calls == []


@pytest.mark.parametrize(
    ("networks", "chosen"),
    [
        ([CELO, SEPOLIA, ARBITRUM], "base-sepolia"),
        ([BASE, SEPOLIA], "base"),
    ],
    ids=["one_that_legacy_programs_know", "two"],
)
def test_programs_of_then_and_now_read_the_quote_of_a_listing_with_several_prices(
    networks: list[str], chosen: str
) -> None:
    written = quoted(sold_on(*networks), WIDE_SITE)

    done = programs_read(written)

    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert read["chosen"]["network"] == chosen
    assert read["legacy"] == read["today"]["accepts"] == written["accepts"]
    assert all(each["method"] == "GET" for each in read["input"])


def test_one_network_the_legacy_program_does_not_know_costs_it_the_whole_quote() -> None:
    """Why such a network is left out beside those that it knows."""
    known, unknown = (quoted(sold_on(name), WIDE_SITE) for name in (SEPOLIA, CELO))
    assert programs_read(known).returncode == 0

    done = programs_read({**known, "accepts": [*known["accepts"], *unknown["accepts"]]})

    assert done.returncode != 0
    assert "celo" in done.stderr


def programs_read(quote: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "old_quote.mjs", json.dumps(quote)],
        cwd=typescript_folder(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
