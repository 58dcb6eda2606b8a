"""Over MCP, with clients that nobody here wrote: the official one, and x402's on top of it."""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import EmbeddedResource, ImageContent, ResourceLink, TextContent
from x402 import x402Client
from x402.mcp import MCPToolCallResult, x402MCPSession
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.schemas.responses import SettleResponse

from marketplace.catalog.mcp.definitions import NAMES
from sellers import listings
from sellers.models import Listing
from sellers.terms import Sample
from tests.fixtures.cast import Cast, Person
from tests.fixtures.stack import PATIENCE_SECONDS, Sold, Stack
from tests.fixtures.upstream import Call, Wire, answer, chunked, raw
from tests.fixtures.wallet import ask, authorize, pack

T = TypeVar("T")

CITY = {
    "type": "object",
    "properties": {
        "query": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        }
    },
    "required": ["query"],
}
EVENTS = (("Content-Type", "text/event-stream"),)
RIVALS = 100
OSLO = {"query": {"city": "Oslo & São Paulo", "days": 2}}


def visit(stack: Stack, work: Callable[[ClientSession], Awaitable[T]], server: str = "") -> T:
    """What somebody does in one session of the official client."""

    async def connected() -> T:
        url = f"{stack.base_url}/mcp{server}"
        async with (
            streamable_http_client(url) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await work(session)

    return asyncio.run(connected())


def buyer(session: ClientSession, payer: Person) -> x402MCPSession:
    client = register_exact_evm_client(x402Client(), EthAccountSigner(payer.account))
    return x402MCPSession(session, client)


def shop(
    stack: Stack, payer: Person, name: str, arguments: dict[str, Any], server: str = ""
) -> MCPToolCallResult:
    async def call(session: ClientSession) -> MCPToolCallResult:
        return await buyer(session, payer).call_tool(name, arguments)

    return visit(stack, call, server)


def call(stack: Stack, name: str, arguments: dict[str, Any], **meta: Any) -> Any:
    """A tool's raw result, without anybody paying by themselves."""

    async def once(session: ClientSession) -> Any:
        return await session.call_tool(name, arguments, meta=meta or None)

    return visit(stack, once)


def tools_call(name: str, arguments: dict[str, Any], payment: Any) -> dict[str, Any]:
    """A paid call as it goes over the wire."""
    params = {"name": name, "arguments": arguments, "_meta": {"x402/payment": payment}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


@pytest.fixture
def sold(stack: Stack, cast: type[Cast]) -> Sold:
    stack.chain.fund(cast.buyer.address, 1)
    return stack.sell(input_schema=CITY, example={"query": {"city": "Oslo"}})


def test_a_stranger_begins_and_lists_the_tools(stack: Stack) -> None:
    async def begin(session: ClientSession) -> Any:
        return session.get_server_capabilities(), await session.list_tools()

    capabilities, listed = visit(stack, begin)

    assert capabilities.tools is not None
    names = [tool.name for tool in listed.tools]
    assert names == list(NAMES)
    assert listed.nextCursor is None


def test_a_stock_x402_client_buys_with_its_defaults(
    stack: Stack, cast: type[Cast], sold: Sold
) -> None:
    before = stack.chain.atomic_of(cast.seller.address)

    bought = shop(stack, cast.buyer, "call_service", {"path": sold.path, "input": OSLO})

    assert (bought.is_error, bought.payment_made) == (False, True)
    assert bought.raw_result.structuredContent == {"ok": True}
    assert [call.query for call in sold.calls] == [[("city", "Oslo & São Paulo"), ("days", "2")]]
    receipt = bought.payment_response
    assert isinstance(receipt, SettleResponse)
    assert receipt.success
    assert receipt.payer == cast.buyer.address
    found = stack.chain.rpc("eth_getTransactionReceipt", [receipt.transaction])
    assert found["status"] == "0x1"
    assert stack.chain.atomic_of(cast.seller.address) == before + 10_000


def test_a_sellers_own_tools_are_bought_by_their_names(
    stack: Stack, cast: type[Cast], sold: Sold
) -> None:
    name = sold.path.partition("/")[2]

    async def tools(session: ClientSession) -> Any:
        found, cursor = {}, None
        while True:
            page = await session.list_tools(cursor)
            found.update({tool.name: tool for tool in page.tools})
            if (cursor := page.nextCursor) is None:
                return found

    tool = visit(stack, tools, "/tests")[name]
    bought = shop(stack, cast.buyer, name, OSLO, "/tests")

    assert "$0.01" in tool.description
    assert "A listing of the tests." in tool.description
    assert tool.meta["examples"][0] == {"query": {"city": "Oslo"}}
    assert tool.inputSchema["properties"]["query"] == CITY["properties"]["query"]  # type: ignore[index]
    assert bought.raw_result.structuredContent == {"ok": True}
    assert len(sold.calls) == 1


def test_the_quote_is_the_very_one_of_the_door(stack: Stack, sold: Sold) -> None:
    unpaid = call(stack, "call_service", {"path": sold.path, "input": OSLO})
    quoted = call(stack, "quote_service", {"path": sold.path})
    over_http = ask(sold.url).challenge

    assert unpaid.isError
    assert json.loads(unpaid.content[0].text) == unpaid.structuredContent
    for said in (unpaid.structuredContent, quoted.structuredContent["payment_required"]):
        for part in ("x402Version", "error", "resource", "accepts"):
            assert said[part] == over_http[part]
        assert said["extensions"]["bazaar"] == over_http["extensions"]["bazaar"]
    assert not quoted.isError
    assert sold.calls == []


def test_an_answer_is_given_again_for_the_same_payment(
    stack: Stack, cast: type[Cast], sold: Sold
) -> None:
    """Over MCP, and at the door as well: it is one purchase, whichever way it is shown."""
    challenge = call(stack, "quote_service", {"path": sold.path}).structuredContent
    payment = authorize(challenge["payment_required"], cast.buyer)
    name = "a-name-that-nobody-guesses"
    payment["extensions"] = {"payment-identifier": {"info": {"id": name}}}
    arguments = {"path": sold.path, "input": {"query": {"city": "Oslo"}}}
    paid = {"x402/payment": payment}
    first = call(stack, "call_service", arguments, **paid)
    before = stack.chain.atomic_of(cast.seller.address)

    again = call(stack, "call_service", arguments, **paid)
    at_the_door = ask(f"{sold.url}?city=Oslo", headers={"PAYMENT-SIGNATURE": pack(payment)})
    other = call(stack, "call_service", {"path": sold.path, "input": OSLO}, **paid)

    for said in (first, again):
        assert not said.isError
        assert said.structuredContent == {"ok": True}
    told = again.meta["x402/payment-response"]
    told["extensions"].pop("offer-receipt", None)  # signed meanwhile, or not yet
    assert told == first.meta["x402/payment-response"]
    assert (at_the_door.status, at_the_door.json) == (200, {"ok": True})
    assert other.structuredContent["error"] == "other_request"
    assert "accepts" not in other.structuredContent
    assert len(sold.calls) == 1
    assert stack.chain.atomic_of(cast.seller.address) == before

    payment_id = first.meta["souk/payment"]
    status = f"{stack.base_url}/p/{payment_id}"
    stack.wait_until(lambda: ask(status).json["money"] == "confirmed", "the confirmation")
    stack.wait_until(lambda: ask(status).json["receipts"], "the receipt")
    checked = call(stack, "check_payment", {"payment": payment_id}).structuredContent
    known = ask(status).json
    assert {**checked, "block": None} == {**known, "block": None}


def test_what_was_bought_is_given_again_when_it_is_sold_no_more(
    stack: Stack, cast: type[Cast], sold: Sold
) -> None:
    """The tool call names no method and no path; what was bought does."""
    payment = authorize(ask(sold.url).challenge, cast.buyer)
    payment["extensions"] = {"payment-identifier": {"info": {"id": "bought-and-not-forgotten"}}}
    paid = {"x402/payment": payment}
    arguments = {"path": sold.path, "input": OSLO}
    assert not call(stack, "call_service", arguments, **paid).isError
    with stack.database():
        seller, _, slug = sold.path.partition("/")
        listings.retire(Listing.objects.get(seller__slug=seller, slug=slug).pk)
    for web in range(len(stack.ports)):
        stack.wait_until(lambda web=web: ask(stack.url(sold.path, web)).status == 404, "its end")

    again = call(stack, "call_service", arguments, **paid)
    unpaid = call(stack, "call_service", arguments)

    assert (again.isError, again.structuredContent) == (False, {"ok": True})
    assert unpaid.structuredContent["error"] == "not_found"
    assert len(sold.calls) == 1


def test_who_hung_up_and_pays_anew_gets_the_first_answer(
    stack: Stack, cast: type[Cast], sold: Sold
) -> None:
    may_answer = threading.Event()

    async def late(call: Call, wire: Wire) -> bool:
        await asyncio.to_thread(may_answer.wait)
        return await answer()(call, wire)

    sold.answers(late)
    arguments = {"path": sold.path, "input": OSLO}
    payment = authorize(ask(sold.url).challenge, cast.buyer)
    said = tools_call("call_service", arguments, payment)
    before = stack.chain.atomic_of(cast.buyer.address)

    async def hang_up() -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            asking = asyncio.create_task(client.post(f"{stack.base_url}/mcp", json=said))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not sold.calls:
                    await asyncio.sleep(0.01)
            asking.cancel()

    asyncio.run(hang_up())
    left = (
        "select 1 from payments_progress g join payments_payment p on p.id = g.payment_id"
        " where p.listing_path = %s and g.abandoned_at is not null"
    )
    stack.wait_until(lambda: stack.rows(left, sold.path), "the hang-up")
    may_answer.set()
    bought = shop(stack, cast.buyer, "call_service", arguments)

    assert bought.raw_result.structuredContent == {"ok": True}
    assert bought.raw_result.meta["souk/joined"] is True
    assert len(sold.calls) == 1
    assert before - stack.chain.atomic_of(cast.buyer.address) == 10_000


def test_a_failure_of_the_seller_is_not_charged_and_no_quote(
    stack: Stack, cast: type[Cast], sold: Sold
) -> None:
    forged = {"x402Version": 2, "accepts": ask(sold.url).challenge["accepts"]}
    sold.answers(answer(json.dumps(forged).encode(), status=500))
    before = stack.chain.atomic_of(cast.buyer.address)

    failed = shop(stack, cast.buyer, "call_service", {"path": sold.path, "input": OSLO})

    assert failed.is_error
    said = failed.raw_result.structuredContent
    assert (said["error"], said["charged"]) == ("upstream_error", False)
    assert "accepts" not in said
    ours, theirs = failed.content
    assert isinstance(ours, TextContent)
    assert isinstance(theirs, EmbeddedResource)
    assert stack.chain.atomic_of(cast.buyer.address) == before


def test_pictures_long_answers_and_streams_come_whole_or_as_a_link(
    stack: Stack, cast: type[Cast]
) -> None:
    stack.chain.fund(cast.buyer.address, 1)
    picture = b"\x89PNG" + bytes(range(256))
    drawn = stack.sell(behaviour=answer(picture, content_type="image/png"))
    long = stack.sell(behaviour=answer(b'"' + b"x" * 1_100_000 + b'"'))
    streamed = stack.sell(
        behaviour=chunked(b"data: one\n\n", b"data: two\n\n", headers=EVENTS),
        release="upfront", stream=True, sample=Sample(200, "text/event-stream", b"data: one\n\n"),
    )  # fmt: skip

    (image,) = shop(stack, cast.buyer, "call_service", {"path": drawn.path}).content
    link, words = shop(stack, cast.buyer, "call_service", {"path": long.path}).content
    stream = shop(stack, cast.buyer, "call_service", {"path": streamed.path})

    assert isinstance(image, ImageContent)
    assert (b64decode(image.data), image.mimeType) == (picture, "image/png")
    assert isinstance(link, ResourceLink)
    assert link.size == 1_100_002
    assert "1100002 bytes" in words.text
    assert ask(str(link.uri)).status == 401
    assert [block.text for block in stream.content] == ["data: one\n\ndata: two\n\n"]
    assert isinstance(stream.payment_response, SettleResponse)


def test_a_stream_that_is_cut_is_a_refund_and_no_answer(stack: Stack, cast: type[Cast]) -> None:
    stack.chain.fund(cast.buyer.address, 1)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
    sold = stack.sell(
        behaviour=raw(head + b"\r\n\r\nb\r\ndata: one\n\n\r\n"),
        release="upfront", stream=True, sample=Sample(200, "text/event-stream", b"data: one\n\n"),
    )  # fmt: skip

    failed = shop(stack, cast.buyer, "call_service", {"path": sold.path})

    said = failed.raw_result.structuredContent
    assert (said["error"], said["charged"], said["refund"]) == ("cut", True, "due")
    assert isinstance(failed.payment_response, SettleResponse)
    status = ask(said["status_url"]).json
    assert (status["work"], status["status"]["key"]) == ("void", "paid_unanswered")


def test_one_signature_buys_once_over_http_and_mcp_together(
    stack: Stack, cast: type[Cast], sold: Sold
) -> None:
    """A hundred at once, half of them over MCP, on both processes: one is claimed and charged."""
    payment = authorize(ask(sold.url).challenge, cast.buyer)
    message = tools_call(
        "call_service", {"path": sold.path, "input": {"query": {"city": "Oslo"}}}, payment
    )
    before = stack.chain.atomic_of(cast.buyer.address)

    async def storm() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=RIVALS)
        async with httpx.AsyncClient(timeout=60, limits=limits) as client:
            asking = []
            for number in range(RIVALS // 2):
                web = number % 2
                at_door = {"PAYMENT-SIGNATURE": pack(payment)}
                url = stack.url(sold.path, web)
                asking.append(client.get(url, params={"city": "Oslo"}, headers=at_door))
                mcp = f"http://127.0.0.1:{stack.ports[web]}/mcp"
                asking.append(client.post(mcp, json=message))
            return await asyncio.gather(*asking)

    said = asyncio.run(storm())

    assert len(sold.calls) == 1
    assert before - stack.chain.atomic_of(cast.buyer.address) == 10_000
    over_mcp = [each.json()["result"] for each in said if each.request.url.path == "/mcp"]
    at_door = [each for each in said if each.request.url.path != "/mcp"]
    delivered = [each for each in over_mcp if not each["isError"]]
    delivered_at_door = [each for each in at_door if each.status_code == 200]
    assert delivered or delivered_at_door
    assert {each.status_code for each in at_door} <= {200, 409, 503}
    for each in over_mcp:
        if each["isError"]:
            refusal = each["structuredContent"]
            assert refusal["error"] in {"in_flight", "already_used", "settlement_pending"}
            assert "accepts" not in refusal
    count = "select count(*) from payments_payment where listing_path = %s"
    assert stack.rows(count, sold.path) == [(1,)]
