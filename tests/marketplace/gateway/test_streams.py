"""A streamed answer at the door: head first, each piece as it comes, an end only when whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from marketplace.calls.outcomes import CallOutcome, PaidUnanswered, Streamed
from marketplace.calls.passage import Cut, Passage
from marketplace.calls.requests import CallRequest
from marketplace.calls.shelf import Absent, Place, Shelf
from marketplace.gateway.app import Door, DoorLimits
from payments.x402.headers import encode_header
from payments.x402.types import Settlement
from tests.marketplace.gateway.visitor import App, Line, scope_of, visit

WEATHER = "/call/acme/weather"
PAID = {"PAYMENT-SIGNATURE": "e30="}
PAYMENT = UUID("01890000-0000-7000-8000-000000000001")
SETTLED = Settlement(True, "0x" + "1" * 40, "0x" + "2" * 64, "eip155:84532")


class NothingPublished:
    async def read(self, path: str) -> tuple[int, Place]:
        return 0, Absent.UNKNOWN


def door(outcome: CallOutcome, *, calls_max: int = 10) -> Door:
    async def paid_call(place: Place, path: str, request: CallRequest) -> CallOutcome:
        await request.read_body()
        return outcome

    return Door(
        shelf=Shelf(None, NothingPublished(), entries_max=1),  # type: ignore[arg-type]
        paid_call=paid_call,
        wait_seconds=lambda shelved: 0.0,
        quoted=lambda listing_id: None,
        limits=DoorLimits(
            calls_in_flight_max=calls_max,
            listing_in_flight_max=calls_max,
            header_bytes_max=20_000,
            body_bytes_max=1_000,
            body_seconds=30,
        ),
        public_base_url="https://souk.example",
    )


def streamed(pieces: AsyncIterator[bytes], told: list[bool], *, joined: bool = False) -> Streamed:
    async def handed_over(reached: bool) -> None:
        told.append(reached)

    return Streamed(
        200, (("etag", '"1"'),), "text/event-stream", SETTLED, PAYMENT, pieces, handed_over, joined
    )


async def knock(app: App, receive: Any, send: Any) -> None:
    await app(scope_of("GET", WEATHER, [(b"payment-signature", b"e30=")]), receive, send)


async def whole() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


async def test_it_is_passed_on_in_its_pieces_with_the_proof_in_front() -> None:
    told: list[bool] = []
    line = Line([b""])

    await knock(door(streamed(whole(), told, joined=True)), line.receive, line.send)

    head, *bodies = line.sent
    headers = dict(head["headers"])
    assert head["status"] == 200
    assert headers[b"payment-response"] == encode_header(SETTLED.to_wire()).encode()
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"x-souk-joined"] == str(PAYMENT).encode()
    assert headers[b"content-security-policy"].startswith(b"sandbox")
    assert not {b"content-length", b"etag"} & set(headers)
    assert b"PAYMENT-SIGNATURE" in headers[b"vary"]
    assert [(each["body"], each["more_body"]) for each in bodies] == [
        (b"one", True),
        (b"two", True),
        (b"", False),
    ]
    assert told == [True]


async def test_a_cut_stream_gets_no_end() -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield b"one"
        raise Cut

    told: list[bool] = []
    line = Line([b""])

    await knock(door(streamed(cut(), told)), line.receive, line.send)

    assert [(each["body"], each["more_body"]) for each in line.sent[1:]] == [(b"one", True)]
    assert told == [False]


async def test_a_buyer_who_takes_nothing_is_gone_after_a_while(settings: Any) -> None:
    settings.STREAM_STALL_SECONDS = 0.05
    told: list[bool] = []
    line = Line([b""])

    async def send(message: object) -> None:
        if isinstance(message, dict) and message.get("body"):
            await asyncio.Event().wait()

    await knock(door(streamed(whole(), told)), line.receive, send)

    assert told == [False]


async def test_a_stream_keeps_its_place_until_it_ends() -> None:
    may_end = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"one"
        await may_end.wait()

    at_the_door = door(streamed(slow(), []), calls_max=1)
    first = asyncio.create_task(visit(at_the_door, "GET", WEATHER, PAID))
    for _ in range(20):
        await asyncio.sleep(0)

    assert (await visit(at_the_door, "GET", WEATHER, PAID)).status == 503

    may_end.set()
    assert (await first).body == b"one"


async def test_paid_without_an_answer_is_said_with_the_proof_of_payment() -> None:
    seen = await visit(door(PaidUnanswered(502, "cut", PAYMENT, SETTLED)), "GET", WEATHER, PAID)

    assert seen.status == 502
    assert seen["x-payment-charged"] == "yes; refund=due; reason=cut"
    assert seen["payment-response"] == encode_header(SETTLED.to_wire())
    assert seen.json["status_url"] == f"https://souk.example/p/{PAYMENT}"


async def test_what_passes_is_read_at_the_readers_pace_and_dropped_when_nobody_reads() -> None:
    passage = Passage()
    passage.add(b"one")
    reading = passage.pieces()
    assert await anext(reading) == b"one"
    passage.add(b"two")
    passage.end(whole=True)

    assert [piece async for piece in reading] == [b"two"]

    passage.leave()
    passage.add(b"three")
    assert passage.passed_bytes == len(b"onetwothree")


async def test_what_is_not_kept_whole_has_no_end() -> None:
    passage = Passage()
    passage.end(whole=False)

    with pytest.raises(Cut):
        await anext(passage.pieces())
