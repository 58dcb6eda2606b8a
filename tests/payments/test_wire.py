"""What one outbound request looks like on its connection, and when that connection is kept."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace

import pytest
from yarl import URL

from payments.egress import (
    EgressRule,
    Failed,
    Limits,
    Reply,
    exchange,
    open_client,
    parse_allowance,
)
from tests.fixtures.upstream import Call, ScriptedUpstream, Wire, answer

LIMITS = Limits(connect_seconds=5, first_byte_seconds=5, total_seconds=10, body_bytes_max=1_000_000)
LOOPBACK = EgressRule((parse_allowance("127.0.0.0/8:*"),))
MORE_THAN_SOCKETS_TAKE = 32 << 20
NEVER_TAKEN = MORE_THAN_SOCKETS_TAKE + 1


async def ask(
    url: str, method: str = "GET", headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
) -> Reply:
    async with open_client(LOOPBACK) as client:
        reply = await exchange(client, method, URL(url), headers=headers, body=body, limits=LIMITS)
    assert isinstance(reply, Reply), reply
    return reply


async def test_a_request_without_a_body_says_who_asks_and_no_length(
    upstream: ScriptedUpstream,
) -> None:
    await ask(f"{upstream.url}/a%2Fb?x=%20y#kept-here", headers=(("X-One", "1"),))
    (call,) = upstream.calls
    assert call.target == "/a%2Fb?x=%20y"
    assert call.headers == (
        ("Host", f"127.0.0.1:{upstream.port}"),
        ("User-Agent", "Souk"),
        ("X-One", "1"),
        ("Accept", "*/*"),
    )


async def test_what_the_caller_says_is_not_said_twice(upstream: ScriptedUpstream) -> None:
    said = (("user-agent", "Mine"), ("ACCEPT", "text/plain"))
    await ask(upstream.url, "POST", said)
    (call,) = upstream.calls
    assert call.headers[1:] == (*said, ("Content-Length", "0"))


@pytest.mark.parametrize("size", [1, 1 << 16, (1 << 16) + 1, 3 << 20])
async def test_a_body_arrives_whole_whether_it_is_joined_to_its_head_or_not(
    upstream: ScriptedUpstream, size: int
) -> None:
    await ask(upstream.url, "POST", body=bytes(size))
    (call,) = upstream.calls
    assert call.body == bytes(size)
    assert call.header("Content-Length") == str(size)


@pytest.mark.parametrize(
    "header",
    [("X-One", "1\r\nX-Two: 2"), ("X-One", "1\nX-Two: 2"), ("X-One\r\nX-Two", "2"), ("X", "\0")],
)
async def test_a_header_that_would_become_two_is_not_sent(
    upstream: ScriptedUpstream, header: tuple[str, str]
) -> None:
    with pytest.raises(ValueError, match="control character"):
        await ask(upstream.url, headers=(header,))
    assert upstream.calls == []


@pytest.mark.parametrize(("body", "connections"), [(b"x", 1), (bytes(MORE_THAN_SOCKETS_TAKE), 2)])
async def test_a_connection_is_not_kept_when_the_answer_came_before_the_request_was_taken(
    body: bytes, connections: int
) -> None:
    served: list[asyncio.Task[None] | None] = []

    async def answer_at_the_head(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        served.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await reader.readexactly(len(body) if len(body) == 1 else NEVER_TAKEN)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(answer_at_the_head, "127.0.0.1", 0)
    url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    async with server:
        async with open_client(LOOPBACK) as client:
            for _ in range(2):
                reply = await exchange(client, "POST", url, body=body, limits=LIMITS)
                assert isinstance(reply, Reply)
                assert reply.body == b"ok"
        assert len(served) == connections
        await asyncio.gather(*filter(None, served))


async def test_a_kept_connection_whose_other_side_left_meanwhile_is_not_written_to(
    upstream: ScriptedUpstream,
) -> None:
    """The loop has not heard of it yet: its process was busy, or stood still."""
    leave, left = threading.Event(), threading.Event()

    async def answer_and_leave_later(call: Call, wire: Wire) -> bool:
        await answer(b"ok")(call, wire)
        await asyncio.to_thread(leave.wait, 10)
        wire.writer.close()
        await wire.writer.wait_closed()
        left.set()
        return False

    upstream.on("/", answer_and_leave_later)
    async with open_client(LOOPBACK) as client:
        first = await exchange(client, "POST", URL(upstream.url), body=b"1", limits=LIMITS)
        leave.set()
        assert left.wait(10)
        second = await exchange(client, "POST", URL(upstream.url), body=b"2", limits=LIMITS)
    assert isinstance(first, Reply)
    assert isinstance(second, Reply), second
    assert [call.connection for call in upstream.calls] == [1, 2]


async def test_a_kept_connection_whose_other_side_waits_is_used_again(
    upstream: ScriptedUpstream,
) -> None:
    async with open_client(LOOPBACK) as client:
        for _ in range(3):
            reply = await exchange(client, "POST", URL(upstream.url), body=b"1", limits=LIMITS)
            assert isinstance(reply, Reply)
    assert [call.connection for call in upstream.calls] == [1, 1, 1]


async def test_who_does_not_take_the_request_is_not_waited_for() -> None:
    """A body that nobody reads would stay in memory, and its connection open, for ever."""
    given_up, taken = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def take_the_head_alone(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await given_up.wait()
        try:
            await reader.readexactly(MORE_THAN_SOCKETS_TAKE)
            taken.set_result(True)
        except (asyncio.IncompleteReadError, ConnectionError):
            taken.set_result(False)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(take_the_head_alone, "127.0.0.1", 0)
    url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    impatient = replace(LIMITS, first_byte_seconds=0.2)
    async with server, open_client(LOOPBACK) as client:
        body = bytes(MORE_THAN_SOCKETS_TAKE)
        reply = await exchange(client, "POST", url, body=body, limits=impatient)
        given_up.set()
        assert isinstance(reply, Failed)
        assert await taken is False
