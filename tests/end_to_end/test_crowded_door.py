"""Upstreams and strangers that take what they can: paid calls go on beside them."""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from marketplace.calls.release import WAIT_TOGETHER_MAX
from tests.faults.market import Gate
from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.memory import peak_of
from tests.fixtures.stack import Sold, Stack, running_stack
from tests.fixtures.upstream import answer, drip, hang, oversized, withheld
from tests.fixtures.wallet import Said, ask, authorize, pack

GIGABYTE = 1 << 30
# Ten megabytes may be held twice while they are joined; the rest is an allocator's.
GROWTH_BYTES_MAX = 100 << 20
PLACES = 4
CALLS_MAX = 24
STRANGERS = 200
LARGE = 9_900_000
LARGE_LISTINGS = 5
READERS = 20
# The door's room and the site's, each up to twice while it is read; the readers ask for 400 MB.
STALLED_BYTES_MAX = 200 << 20
BODY = 4_500_000
IN_HAND = 29_000_000


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
        block_seconds=0,
        HOLD_WAIT_SECONDS="60",
        SOUK_HEAD_STALE_SECONDS="600",
        SOUK_CALLS_IN_FLIGHT_MAX=str(CALLS_MAX),
        SOUK_LISTING_IN_FLIGHT_MAX=str(PLACES),
        SOUK_ANSWERS_IN_HAND_BYTES_MAX=str(IN_HAND),
        SOUK_REQUEST_BODY_BYTES_MAX=str(BODY),
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


def was_refused(asked: Future[Said]) -> bool:
    """Also one that found too little room before its seller was asked."""
    return asked.done() and asked.result().status == 503


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


def test_answers_that_are_withheld_take_no_more_memory_than_there_is_for_all(stack: Stack) -> None:
    """Two hundred megabytes are on their way, and small calls beside them are served."""
    large = [stack.sell(behaviour=withheld(LARGE)) for _ in range(LARGE_LISTINGS)]
    small = stack.sell()

    with ThreadPoolExecutor(LARGE_LISTINGS * PLACES) as callers, peak_of(stack.webs[0].pid) as peak:
        asked = [callers.submit(buy, each) for each in large for _ in range(PLACES)]
        stack.wait_until(
            lambda: (
                sum(len(each.calls) for each in large) + sum(map(was_refused, asked)) >= len(asked)
            ),
            "all are on their way, or found no room for what they would bring",
        )
        beside = [buy(small) for _ in range(3)]
        said = [each.result() for each in asked]
    for each in large:
        each.answers(answer())

    assert peak.grown_bytes < GROWTH_BYTES_MAX
    assert [each.status for each in beside] == [200] * 3, beside
    assert {each.status for each in said} <= {503, 504}, said
    busy = [each for each in said if each.status == 503]
    assert {each.json["error"] for each in busy} == {"busy"}
    assert all("retry-after" in each.headers for each in busy)
    assert [buy(each).status for each in large] == [200] * LARGE_LISTINGS


def test_what_is_sent_to_a_seller_who_hangs_takes_no_memory_from_others(stack: Stack) -> None:
    """Four times four megabytes would be more than half of all there is."""
    hung, small = (stack.sell(method="POST", behaviour=each) for each in (hang(), answer()))
    body = b'{"text":"%s"}' % (b"x" * (BODY - 20))

    with ThreadPoolExecutor(PLACES) as callers:
        asked = [callers.submit(buy, hung, body=body) for _ in range(PLACES)]
        stack.wait_until(lambda: len(hung.calls) == PLACES - 1, "all but one are asked")
        beside = [buy(small, body=body) for _ in range(2)]
        said = [each.result() for each in asked]

    assert [each.status for each in beside] == [200] * 2, beside
    assert sorted(each.status for each in said) == [503, 504, 504, 504]
    assert next(each for each in said if each.status == 503).json["error"] == "busy"
    hung.answers(answer())
    assert [buy(hung, body=body).status for _ in range(PLACES)] == [200] * PLACES


def test_readers_who_stall_take_no_more_memory_than_there_is_for_all(stack: Stack) -> None:
    """A quarter of a gigabyte was bought once, and nobody takes it."""
    large, small = stack.sell(behaviour=answer(b'"%s"' % (b"x" * LARGE))), stack.sell()
    payment = authorize(ask(large.url).challenge, Cast.buyer)
    name = f"pay_{secrets.token_hex(16)}"
    payment["extensions"] = {"payment-identifier": {"info": {"id": name}}}
    paid = {"PAYMENT-SIGNATURE": pack(payment)}
    said = ask(large.url, headers=paid)
    stored = urlsplit(f"{stack.base_url}/p/{said.headers['x-souk-payment']}/answer")

    with peak_of(stack.webs[0].pid) as peak, contextlib.ExitStack() as lines:
        for _ in range(READERS):
            lines.enter_context(stalled(stack, urlsplit(large.url).path, paid))
            by_name = {"X-Payment-Identifier": name}
            lines.enter_context(stalled(stack, stored.path, by_name))
        assert buy(small).status == 200

    assert peak.grown_bytes < STALLED_BYTES_MAX
    stack.wait_until(lambda: ask(large.url, headers=paid).status == 200, "there is room again")


@contextlib.contextmanager
def stalled(stack: Stack, path: str, headers: dict[str, str]) -> Iterator[None]:
    """Somebody who asks, reads the beginning, and no more."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.settimeout(20)
        line.connect(("127.0.0.1", stack.ports[0]))
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode())
        assert line.recv(100).startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
        yield


@contextlib.contextmanager
def leaving(stack: Stack, sold: Sold, count: int) -> Iterator[None]:
    """Buyers who have paid and hang up while the seller works."""
    head = f"GET /call/{sold.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    before = len(sold.calls)
    for _ in range(count):
        payment = signed(sold, Cast.buyer)["PAYMENT-SIGNATURE"]
        with socket.create_connection(("127.0.0.1", stack.ports[0]), timeout=20) as line:
            line.sendall(f"{head}PAYMENT-SIGNATURE: {payment}\r\nX-Souk-Fresh: 1\r\n\r\n".encode())
            before += 1
            stack.wait_until(lambda: len(sold.calls) == before, "the call")  # noqa: B023
    left = "select count(*) from payments_progress where abandoned_at is not null and work = 'open'"
    stack.wait_until(lambda: stack.rows(left) == [(count,)], "that they are seen to be gone")
    yield


def test_work_for_buyers_who_hung_up_still_takes_its_listings_places(stack: Stack) -> None:
    sold, another = stack.sell(behaviour=hang()), person("another")
    stack.chain.fund(another.address, 1)

    with leaving(stack, sold, PLACES):
        said = buy(sold, another)

    assert (said.status, said.json["error"]) == (503, "busy")
    assert len(sold.calls) == PLACES


def hang_up(stack: Stack, sold: Sold, buyer: Person) -> None:
    """Pay, and go away as soon as it is claimed, or refused."""
    claimed = "select count(*) from payments_payment where listing_path = %s"
    before = stack.rows(claimed, sold.path)
    head = f"GET /call/{sold.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Souk-Fresh: 1\r\n"
    payment = signed(sold, buyer)["PAYMENT-SIGNATURE"]
    with socket.create_connection(("127.0.0.1", stack.ports[0]), timeout=20) as line:
        line.sendall(f"{head}PAYMENT-SIGNATURE: {payment}\r\n\r\n".encode())
        stack.wait_until(
            lambda: stack.rows(claimed, sold.path) != before or select.select([line], [], [], 0)[0],
            "a claim or an answer",
        )


def test_calls_that_wait_for_their_money_leave_places_to_other_listings(stack: Stack) -> None:
    """Money first, and no block comes: nobody has been asked for anything yet."""
    upfront, other, another = stack.sell(release="upfront"), stack.sell(), person("another")
    stack.chain.fund(another.address, 1)
    stack.chain.pause()
    with ThreadPoolExecutor(1) as callers:
        try:
            for _ in range(CALLS_MAX):
                hang_up(stack, upfront, Cast.buyer)
            beside = callers.submit(buy, other, another)
            stack.wait_until(lambda: other.calls, "the call beside")
            refused = buy(upfront, another)
        finally:
            stack.chain.resume()
        said = beside.result()

    assert (refused.status, refused.json["error"]) == (503, "busy")
    claimed = "select count(*) from payments_payment where listing_path = %s"
    assert stack.rows(claimed, upfront.path) == [(PLACES,)]
    assert said.status == 200
    stack.wait_until(lambda: len(upfront.calls) == PLACES, "the work that is paid")


def shown_again(stack: Stack, sold: Sold, paper: dict[str, str]) -> Said:
    """However often it takes to find a place for it at all."""
    said: list[Said] = []

    def has_a_place() -> bool:
        said.append(ask(sold.url, headers=paper))
        return said[-1].status != 503 or said[-1].json["error"] != "busy"

    stack.wait_until(has_a_place, "a place")
    return said[-1]


def test_who_shows_an_unpaid_payment_again_and_again_takes_no_other_buyers_places(
    stack: Stack,
) -> None:
    gate, payer = Gate(), person("cannot pay")
    sold = stack.sell(behaviour=gate)
    stack.chain.fund(payer.address, 1)
    paper = signed(sold, payer)
    with ThreadPoolExecutor(2 * PLACES + 1) as callers:
        first = callers.submit(ask, sold.url, headers=paper)
        stack.wait_until(lambda: sold.calls, "the call")
        stack.chain.blacklist(payer.address)
        gate.open()
        try:
            answered = (
                "select 1 from payments_progress where work = 'answered' and payment_id ="
                " (select id from payments_payment where listing_path = %s)"
            )
            stack.wait_until(lambda: stack.rows(answered, sold.path), "the answer")
            again = [callers.submit(shown_again, stack, sold, paper) for _ in range(2 * PLACES)]
            refused = len(again) + 1 - WAIT_TOGETHER_MAX
            stack.wait_until(lambda: sum(each.done() for each in again) >= refused, "refusals")
            told = [each.result() for each in again if each.done()]
            beside = buy(sold)
            still_waits = not first.done()
        finally:
            stack.chain.unblacklist(payer.address)
        first.result()

    assert still_waits
    assert beside.status == 200
    assert {(each.status, each.json["error"]) for each in told} == {(503, "settlement_pending")}
    assert all(each.json["status_url"] and "retry-after" in each.headers for each in told)
    assert not any("payment-required" in each.headers for each in told)


def known(stack: Stack, role: str) -> Person:
    """Somebody who has paid for something here, and it is confirmed."""
    payer = person(role)
    stack.chain.fund(payer.address, 1)
    assert buy(stack.sell(), payer).status == 200
    earned = "select 1 from payments_cap where starts_with(lower(key), %s) and earned_atomic > 0"
    key = f"payer:{payer.address}".lower()

    def confirmed() -> bool:
        stack.chain.mine()
        return bool(stack.rows(earned, key))

    stack.wait_until(confirmed, "that the payment is final")
    return payer


def test_a_strangers_failing_calls_do_not_shut_a_listing(stack: Stack) -> None:
    sold, stranger = stack.sell(behaviour=answer(b"no", status=500)), person("a stranger")
    stack.chain.fund(stranger.address, 1)

    said = [buy(sold, stranger) for _ in range(6)]

    assert [each.status for each in said] == [500] * 6
    assert ask(sold.url).status == 402
    assert buy(sold, Cast.buyer).status == 500


def test_a_known_buyers_failing_calls_shut_it_and_only_a_call_that_is_made_is_a_trial(
    stack: Stack,
) -> None:
    gate, payer = Gate(), known(stack, "a known buyer")
    sold, joins, tries = stack.sell(behaviour=gate), person("who joins"), person("who tries")
    for each in (joins, tries):
        stack.chain.fund(each.address, 1)
    stack.hang_up(sold, signed(sold, joins))
    gate.open()
    left = (
        "select 1 from payments_progress where work = 'answered' and abandoned_at is not null and"
        " payment_id = (select id from payments_payment where listing_path = %s)"
    )
    stack.wait_until(lambda: stack.rows(left, sold.path), "an answer that was left")
    sold.answers(answer(b"no", status=500))
    assert [buy(sold, payer).status for _ in range(5)] == [500] * 5
    assert ask(sold.url).status == 503
    sold.answers(answer())
    stack.wait_until(lambda: ask(sold.url).status == 402, "the end of the pause")

    joined, tried = buy(sold, joins), buy(sold, tries)

    assert "x-souk-joined" in joined.headers
    assert (joined.status, tried.status) == (200, 200)


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
