"""Clients nobody here wrote pay with their default settings, over GET and POST."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import pytest
from x402 import x402Client, x402ClientSync
from x402.http.clients.httpx import PaymentError, x402HttpxClient
from x402.http.clients.requests import x402_requests
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client

from sellers.terms import Sample
from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.stack import Stack
from tests.fixtures.typescript import typescript_folder
from tests.fixtures.upstream import Behaviour, Call, Wire, answer, chunked
from tests.fixtures.wallet import unpack


@dataclass(frozen=True, slots=True)
class Bought:
    status: int
    body: str
    settlement: Any


class Client(Protocol):
    def __call__(self, payer: Person, url: str, method: str, body: str | None) -> Bought: ...


def httpx_client(payer: Person, url: str, method: str, body: str | None) -> Bought:
    async def call() -> httpx.Response:
        client = register_exact_evm_client(x402Client(), EthAccountSigner(payer.account))
        async with x402HttpxClient(client) as session:
            headers = {"Content-Type": "application/json"} if body else {}
            return await session.request(method, url, content=body, headers=headers)

    said = asyncio.run(call())
    proof = said.headers.get("PAYMENT-RESPONSE")
    return Bought(said.status_code, said.text, unpack(proof) if proof else None)


def requests_client(payer: Person, url: str, method: str, body: str | None) -> Bought:
    client = register_exact_evm_client(x402ClientSync(), EthAccountSigner(payer.account))
    with x402_requests(client) as session:
        headers = {"Content-Type": "application/json"} if body else {}
        said = session.request(method, url, data=body, headers=headers, timeout=60)
    proof = said.headers.get("PAYMENT-RESPONSE")
    return Bought(said.status_code, said.text, unpack(proof) if proof else None)


def typescript_client(payer: Person, url: str, method: str, body: str | None) -> Bought:
    folder = typescript_folder()
    done = subprocess.run(
        ["node", "fetch.mjs", url, method, *([body] if body else [])],
        cwd=folder, env={**os.environ, "BUYER_KEY": payer.private_key},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Bought(**json.loads(done.stdout))


ALL = pytest.mark.parametrize(
    "client", [httpx_client, requests_client, typescript_client], ids=lambda c: c.__name__
)


@ALL
def test_it_buys_with_get(stack: Stack, cast: type[Cast], client: Client) -> None:
    sold = stack.sell(
        input_schema={
            "type": "object",
            "properties": {"query": {"type": "object", "properties": {"city": {"type": "string"}}}},
        },
        example={"query": {"city": "Oslo"}},
    )
    stack.chain.fund(cast.other_buyer.address, 1)

    bought = client(cast.other_buyer, f"{sold.url}?city=S%C3%A3o%20Paulo", "GET", None)

    assert (bought.status, json.loads(bought.body)) == (200, {"ok": True})
    assert bought.settlement["success"] is True
    assert [call.query for call in sold.calls] == [[("city", "São Paulo")]]


@ALL
def test_it_buys_with_post(stack: Stack, cast: type[Cast], client: Client) -> None:
    sold = stack.sell(
        method="POST",
        input_schema={
            "type": "object",
            "properties": {"body": {"type": "object", "properties": {"text": {"type": "string"}}}},
            "required": ["body"],
        },
        example={"body": {"text": "hello"}},
    )
    stack.chain.fund(cast.other_buyer.address, 1)

    bought = client(cast.other_buyer, sold.url, "POST", '{"text": "hällo"}')

    assert bought.status == 200, bought.body
    assert [json.loads(call.body) for call in sold.calls] == [{"text": "hällo"}]
    receipt = stack.chain.rpc("eth_getTransactionReceipt", [bought.settlement["transaction"]])
    assert receipt["status"] == "0x1"


def behind(gate: threading.Event) -> Behaviour:
    """An answer that waits until the gate is opened."""
    ordinary = answer()

    async def behave(call: Call, wire: Wire) -> bool:
        await asyncio.to_thread(gate.wait)
        return await ordinary(call, wire)

    return behave


def test_a_buyer_that_timed_out_gets_the_answer_for_one_payment(
    stack: Stack, cast: type[Cast]
) -> None:
    gate = threading.Event()
    sold = stack.sell(behaviour=behind(gate), pay_to=person("patience").address)
    stack.chain.fund(cast.other_buyer.address, 1)
    client = register_exact_evm_client(x402Client(), EthAccountSigner(cast.other_buyer.account))

    async def get(seconds: float) -> httpx.Response:
        async with x402HttpxClient(client, timeout=seconds) as session:
            return await session.get(sold.url)

    noticed = (
        "select count(*) from payments_progress g join payments_payment p on p.id = g.payment_id"
        " where p.listing_path = %s and g.abandoned_at is not null"
    )
    try:
        with pytest.raises((httpx.TimeoutException, PaymentError)):
            asyncio.run(get(1))
        stack.wait_until(lambda: stack.rows(noticed, sold.path) == [(1,)], "the hang-up")
    finally:
        gate.set()
    said = asyncio.run(get(30))

    assert said.status_code == 200
    assert "x-souk-joined" in said.headers
    assert len(sold.calls) == 1
    assert stack.chain.atomic_of(person("patience").address) == 10_000


@ALL
def test_it_pays_upfront_and_reads_what_is_streamed(
    stack: Stack, cast: type[Cast], client: Client
) -> None:
    """`extra.paymentFlow` is no hindrance to a client with its default settings."""
    events = (b"data: one\n\n", b"data: two\n\n")
    head = (("Content-Type", "text/event-stream"),)
    sold = stack.sell(
        behaviour=chunked(*events, headers=head),
        release="upfront",
        stream=True,
        sample=Sample(200, "text/event-stream", events[0]),
    )
    stack.chain.fund(cast.other_buyer.address, 1)

    bought = client(cast.other_buyer, sold.url, "GET", None)

    assert (bought.status, bought.body) == (200, b"".join(events).decode())
    assert bought.settlement["success"] is True
    receipt = stack.chain.rpc("eth_getTransactionReceipt", [bought.settlement["transaction"]])
    assert receipt["status"] == "0x1"


@ALL
def test_it_takes_an_answer_that_leaves_before_the_money_moves(
    stack: Stack, client: Client
) -> None:
    buyer = person(f"regular {uuid.uuid4().hex}")
    sold = stack.sell(release="instant")
    stack.chain.fund(buyer.address, 1)
    assert client(buyer, sold.url, "GET", None).status == 200
    final = (
        "select count(*) from payments_progress g join payments_payment p on p.id = g.payment_id"
        " where p.payer = %s and g.money = 'confirmed'"
    )
    stack.wait_until(lambda: stack.rows(final, buyer.address) == [(1,)], "the first payment")

    bought = client(buyer, sold.url, "GET", None)

    assert (bought.status, json.loads(bought.body)) == (200, {"ok": True})
    assert (bought.settlement["success"], bought.settlement["transaction"]) == (True, "")
