"""Streamed answers: passed on as they come, kept as they pass, and cut ones owed for."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from sellers.terms import Sample
from tests.faults.market import Gate, Market, Paper
from tests.fixtures.stack import Sold
from tests.fixtures.upstream import Behaviour, Call, Wire, answer, chunked, drip, oversized
from tests.fixtures.wallet import Said, ask, unpack

FIRST, SECOND = b"data: one\n\n", b"data: two\n\n"
EVENTS = (("Content-Type", "text/event-stream"),)
SAMPLE = Sample(200, "text/event-stream", FIRST)
MEGABYTE = 1_000_000


def sell(market: Market, behaviour: Behaviour, **draft: object) -> Sold:
    return market.sell(behaviour, release="upfront", stream=True, sample=SAMPLE, **draft)


def in_two(gate: Gate, *, whole: bool = True) -> Behaviour:
    """One piece at once; another, and the end, when the test lets it."""

    async def rest(call: Call, wire: Wire) -> bool:
        if whole:
            await wire.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(SECOND), SECOND))
        return whole

    gate.then = rest

    async def behave(call: Call, wire: Wire) -> bool:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
        await wire.send(head.encode() + b"\r\n\r\n%x\r\n%s\r\n" % (len(FIRST), FIRST))
        return await gate(call, wire)

    return behave


@contextlib.contextmanager
def reading(market: Market, paper: Paper) -> Iterator[http.client.HTTPResponse]:
    """Present a payment and read at one's own pace."""
    parts = urlsplit(paper.sold.url)
    line = http.client.HTTPConnection(parts.netloc, timeout=30)
    line.request("GET", parts.path, headers=paper.headers)
    response = line.getresponse()
    try:
        yield response
    finally:
        response.close()
        line.close()


def written(market: Market, paper: Paper) -> bytes:
    """What is on disk of its stream, as everybody else's connections see it."""
    query = "select body from payments_streampart where payment_id = %s order by attempt, number"
    return b"".join(bytes(row[0]) for row in market.stack.rows(query, market.row(paper)["id"]))


def fetch(market: Market, paper: Paper, what: str, *, named: bool = True, web: int = 1) -> Said:
    """Of its page, at the second door; with the name that is in the payment, or as a stranger."""
    name = paper.payload["extensions"]["payment-identifier"]["info"]["id"]
    url = f"http://127.0.0.1:{market.stack.ports[web]}/p/{market.row(paper)['id']}/{what}"
    return ask(url, headers={"X-Payment-Identifier": name} if named else paper.headers)


def test_pieces_arrive_before_the_seller_is_done(market: Market) -> None:
    gate = market.gate()
    sold = sell(market, in_two(gate))
    paper = market.sign(sold, market.buyer(), named=True)

    with reading(market, paper) as response:
        assert response.status == 200
        settlement = unpack(response.headers["PAYMENT-RESPONSE"])
        assert settlement["success"] is True
        assert settlement["transaction"] == "0x" + market.row(paper)["transaction"].hex()
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.read1(len(FIRST)) == FIRST
        assert market.state(paper)[0] == "open"
        gate.open()
        assert response.read() == SECOND

    assert market.state(paper)[0] == "answered"
    again = market.send(paper)
    assert (again.status, again.body) == (200, FIRST + SECOND)
    assert market.calls(sold) == 1
    market.confirm(paper)


def test_a_cut_stream_never_looks_whole_and_a_refund_is_due(market: Market) -> None:
    gate = market.gate()
    sold = sell(market, in_two(gate, whole=False))
    paper = market.sign(sold, market.buyer(), named=True)

    with reading(market, paper) as response:
        assert response.read1(len(FIRST)) == FIRST
        gate.open()
        with pytest.raises(http.client.IncompleteRead):
            response.read()

    market.wait_state(paper, ("void", "settled"), ("void", "confirmed"))
    detail = market.stack.rows(
        "select detail from payments_step where payment_id = %s and work = 'void'"
        " order by version limit 1",
        market.row(paper)["id"],
    )[0][0]
    assert (detail["reason"], detail["passed_bytes"]) == ("cut", len(FIRST))
    market.confirm(paper)


def test_a_gigabyte_is_cut_at_the_limit_and_takes_no_memory(market: Market) -> None:
    sold = sell(market, oversized(1 << 30, declared=False))
    market.buy(sold=sell(market, chunked(FIRST, headers=EVENTS)))
    before = memory_of(market)
    paper = market.sign(sold, market.buyer())

    got = 0
    with reading(market, paper) as response, contextlib.suppress(http.client.IncompleteRead):
        while piece := response.read1(1 << 16):
            got += len(piece)

    assert MEGABYTE < got <= 10 * MEGABYTE
    market.wait_state(paper, ("void", "settled"), ("void", "confirmed"))
    assert memory_of(market) - before < 60 * MEGABYTE


def memory_of(market: Market) -> int:
    """What the first web process and its children hold in memory, in bytes."""
    pids, total = [market.stack.webs[0].pid], 0
    while pids:
        pid = pids.pop()
        process = Path(f"/proc/{pid}")
        children = (process / "task" / str(pid) / "children").read_text()
        pids += [int(each) for each in children.split()]
        total += int((process / "statm").read_text().split()[1]) * 4096
    return total


def test_a_slow_drip_ends_at_the_deadline(market: Market) -> None:
    sold = sell(market, drip(every_seconds=0.05), total_seconds=2)
    paper = market.sign(sold, market.buyer())

    with reading(market, paper) as response, pytest.raises(http.client.IncompleteRead):
        response.read()

    market.wait_state(paper, ("void", "settled"), ("void", "confirmed"))


def test_a_buyer_who_hangs_up_in_the_middle_can_fetch_the_whole(market: Market) -> None:
    gate = market.gate()
    sold, buyer = sell(market, in_two(gate)), market.buyer()
    paper = market.sign(sold, buyer, named=True)
    with reading(market, paper) as response:
        assert response.read1(len(FIRST)) == FIRST
    gate.open()
    market.wait(lambda: market.state(paper)[0] == "answered", "the answer")

    said = market.send(paper)

    assert (said.status, said.body) == (200, FIRST + SECOND)
    assert market.calls(sold) == 1


def test_a_refusal_of_the_seller_is_not_streamed(market: Market) -> None:
    sold = sell(market, answer(b'{"no":true}', status=503))
    paper = market.sign(sold, market.buyer())

    said = market.send(paper)

    assert (said.status, said.body) == (503, b'{"no":true}')
    assert said.headers["x-payment-charged"] == "yes; refund=due; reason=upstream_error"


def test_after_a_crash_in_the_middle_the_same_payment_streams_again(market: Market) -> None:
    sold = sell(market, in_two(market.gate()))
    paper = market.sign(sold, market.buyer(), named=True)
    with reading(market, paper) as response:
        assert response.read1(len(FIRST)) == FIRST
        market.stack.kill(market.stack.webs[0])
        with pytest.raises((http.client.IncompleteRead, OSError)):
            response.read()
    sold.answers(market.witnessed(chunked(FIRST, SECOND, headers=EVENTS)))

    market.wait(lambda: market.send(paper, web=1).status == 200, "the answer at the other door")

    said = market.send(paper, web=1)
    assert (said.status, said.body) == (200, FIRST + SECOND)
    assert market.paid(paper) == 10_000


def test_what_has_passed_is_on_disk_while_the_rest_is_awaited_and_goes_when_it_came(
    market: Market,
) -> None:
    gate = market.gate()
    sold = sell(market, in_two(gate))
    paper = market.sign(sold, market.buyer(), named=True)

    with reading(market, paper) as response:
        assert response.read1(len(FIRST)) == FIRST
        market.wait(lambda: written(market, paper) == FIRST, "what has passed")
        waiting = fetch(market, paper, "part")
        assert (waiting.status, waiting.json["error"]) == (503, "answer_pending")
        gate.open()
        assert response.read() == SECOND

    market.wait(lambda: written(market, paper) == b"", "no parts of a whole answer")
    assert fetch(market, paper, "part").json["error"] == "no_part"
    assert fetch(market, paper, "answer").body == FIRST + SECOND


def test_of_a_cut_stream_its_buyer_alone_fetches_what_passed(market: Market) -> None:
    gate = market.gate()
    sold = sell(market, in_two(gate, whole=False))
    paper = market.sign(sold, market.buyer(), named=True)
    with reading(market, paper) as response:
        assert response.read1(len(FIRST)) == FIRST
        gate.open()
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    market.wait(lambda: fetch(market, paper, "part").status == 206, "what passed")

    mine, strangers = fetch(market, paper, "part"), fetch(market, paper, "part", named=False)

    assert mine.body == FIRST
    assert mine.headers["x-souk-cut"] == f"yes; bytes={len(FIRST)}"
    assert (strangers.status, strangers.json["error"]) == (401, "proof_required")
    assert fetch(market, paper, "answer").json["error"] == "no_answer"
    assert market.state(paper)[0] == "void", "a refund is due, whatever came"
    market.confirm(paper)


def test_a_killed_door_leaves_what_it_passed_on(market: Market) -> None:
    sold = sell(market, in_two(market.gate()))
    paper = market.sign(sold, market.buyer(), named=True)
    with reading(market, paper) as response:
        assert response.read1(len(FIRST)) == FIRST
        market.wait(lambda: written(market, paper) == FIRST, "what has passed")
        market.stack.kill(market.stack.webs[0])

    market.wait(lambda: fetch(market, paper, "part").status == 206, "the end of its lease")
    assert fetch(market, paper, "part").body == FIRST
    assert fetch(market, paper, "part", named=False).status == 401

    sold.answers(market.witnessed(chunked(FIRST, SECOND, headers=EVENTS)))
    market.wait(lambda: market.send(paper, web=1).status == 200, "the answer at the other door")
    market.wait(lambda: written(market, paper) == b"", "no parts of a whole answer")
    assert fetch(market, paper, "part").json["error"] == "no_part"
    assert market.paid(paper) == 10_000


def test_a_database_that_takes_no_parts_cuts_no_stream_and_keeps_no_answer(
    market: Market,
) -> None:
    gate = market.gate()
    sold = sell(market, in_two(gate))
    paper = market.sign(sold, market.buyer(), named=True)
    waits = (
        "select 1 from pg_locks l join pg_class c on c.oid = l.relation"
        " where c.relname = 'payments_streampart' and not l.granted"
    )

    with psycopg.connect(market.stack.database_url) as hand, reading(market, paper) as response:
        hand.execute("lock table payments_streampart in access exclusive mode")
        assert response.read1(len(FIRST)) == FIRST
        market.wait(lambda: market.stack.rows(waits), "a part that cannot be written")
        gate.open()
        assert response.read() == SECOND
        assert market.state(paper)[0] == "answered"
        market.buy()

    market.wait(lambda: written(market, paper) == b"", "no parts of a whole answer")
    assert market.send(paper).body == FIRST + SECOND
    assert market.paid(paper) == 10_000
