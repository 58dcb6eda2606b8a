"""Upstreams and strangers that take what they can: paid calls go on beside them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.memory import peak_of
from tests.fixtures.stack import Sold, Stack, running_stack
from tests.fixtures.upstream import answer, drip, oversized
from tests.fixtures.wallet import Said, ask, authorize, pack

GIGABYTE = 1 << 30
# Ten megabytes may be held twice while they are joined; the rest is an allocator's.
GROWTH_BYTES_MAX = 100 << 20
PLACES = 4
STRANGERS = 200


@pytest.fixture(scope="module")
def stack(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Stack]:
    """A listing has few places here, and an upstream little time."""
    with running_stack(
        tmp_path_factory.mktemp("crowded"),
        anvil_binary,
        django_db_blocker,
        webs=1,
        SOUK_LISTING_IN_FLIGHT_MAX=str(PLACES),
        SOUK_UPSTREAM_TOTAL_SECONDS="4",
        SOUK_REQUEST_BODY_SECONDS="300",
    ) as running:
        running.chain.fund(Cast.buyer.address, 100)
        yield running


def buy(sold: Sold, buyer: Person = Cast.buyer, body: bytes | None = None) -> Said:
    headers = signed(sold, buyer)
    if body is None:
        return ask(sold.url, headers=headers)
    headers["Content-Type"] = "application/json"
    return ask(sold.url, method="POST", headers=headers, body=body)


def signed(sold: Sold, buyer: Person) -> dict[str, str]:
    return {"PAYMENT-SIGNATURE": pack(authorize(ask(sold.url).challenge, buyer))}


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_a_gigabyte_is_cut_at_the_limit_and_takes_no_memory(stack: Stack, declared: bool) -> None:
    sold = stack.sell(behaviour=oversized(GIGABYTE, declared=declared))

    with peak_of(stack.webs[0].pid) as peak:
        said = buy(sold)

    assert said.status == 502, said.body
    assert said.headers["x-payment-charged"].startswith("no")
    assert peak.grown_bytes < GROWTH_BYTES_MAX


def test_a_slow_drip_gives_its_places_back_at_the_deadline(stack: Stack) -> None:
    sold = stack.sell(behaviour=drip())
    people = [person(f"drip {number}") for number in range(PLACES)]
    for each in people:
        stack.chain.fund(each.address, 1)

    with ThreadPoolExecutor(PLACES) as callers:
        waiting = [callers.submit(buy, sold, each) for each in people]
        sold.upstream.wait_for_calls(len(sold.upstream.calls) - len(sold.calls) + PLACES)
        stack.wait_until(lambda: len(sold.calls) == PLACES, "all places are taken")
        assert buy(sold).status == 503
        said = [each.result() for each in waiting]
    sold.answers(answer())

    assert [each.status for each in said] == [504] * PLACES
    assert buy(sold).status == 200


@contextlib.contextmanager
def strangers(port: int, said: bytes, count: int = STRANGERS) -> Iterator[list[socket.socket]]:
    """So many connections on which this much was said, and nothing more comes."""
    with contextlib.ExitStack() as all_of_them:
        lines = []
        for _ in range(count):
            line = socket.create_connection(("127.0.0.1", port), timeout=20)
            all_of_them.callback(line.close)
            line.sendall(said)
            lines.append(line)
        yield lines


def half_a_body(sold: Sold, *headers: str) -> bytes:
    lines = [
        f"POST /call/{sold.path} HTTP/1.1", "Host: 127.0.0.1",
        "Content-Type: application/json", "Content-Length: 1000", *headers, "", '{"half":',
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def test_idle_connections_and_half_sent_requests_stop_nobody(stack: Stack) -> None:
    """Half of a head, half of a body without a payment, half of one with a payment's likeness."""
    sold = stack.sell(method="POST")
    likeness = signed(sold, Cast.attacker)["PAYMENT-SIGNATURE"]
    port = stack.ports[0]
    half_a_head = f"GET /call/{sold.path} HTTP/1.1\r\nHost: 127.0".encode()

    with (
        strangers(port, b""),
        strangers(port, half_a_head),
        strangers(port, half_a_body(sold)),
        strangers(port, half_a_body(sold, f"PAYMENT-SIGNATURE: {likeness}")),
    ):
        said = [buy(sold, body=b"{}") for _ in range(5)]

    assert [each.status for each in said] == [200] * 5, said[0]
