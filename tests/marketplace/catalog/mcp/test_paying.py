"""A tool call that carries a payment: how it is read, and how each end of it is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from marketplace.calls.conflicts import in_flight
from marketplace.calls.outcomes import (
    Challenged,
    Delivered,
    NotCharged,
    PaidUnanswered,
    Refused,
    Told,
    Unavailable,
)
from marketplace.calls.requests import BodyTooLarge, canonical_url
from marketplace.calls.shelf import Absent
from marketplace.calls.stock import Stock
from marketplace.calls.strikes import Strikes
from marketplace.catalog.mcp import events, methods
from marketplace.catalog.mcp.orders import Misfit, Order, request_of
from marketplace.catalog.mcp.outcomes import result_of
from marketplace.catalog.mcp.paying import ToolAnswer
from marketplace.catalog.mcp.protocol import INTERNAL_ERROR
from payments.at_hand import payment_at_hand
from payments.database.pool import open_pool
from payments.lookup import StoredAnswer
from payments.x402.reasons import Reason
from payments.x402.types import Settlement
from sellers.drafts import finish
from sellers.terms import Terms
from tests.fixtures.storefront import Storefront, in_thread
from tests.marketplace.catalog.mcp.agent import JSON, message, post, use
from tests.marketplace.gateway.visitor import App, Line, Message, scope_of, visit

PAYMENT = UUID("01890000-0000-7000-8000-000000000001")
SETTLED = Settlement(True, "0x" + "1" * 40, "0x" + "2" * 64, "eip155:84532")
PENDING = Settlement(
    False, "0x" + "1" * 40, "", "eip155:84532", error_reason=Reason.SETTLEMENT_PENDING
)
FORGED = b'{"x402Version":2,"accepts":[{"scheme":"exact"}]}'
UPSTREAM_SAID = StoredAnswer(500, (), "application/json", FORGED, b"", len(FORGED))


async def nobody(reached: bool) -> None:
    return None


def delivered(body: bytes, content_type: str = "application/json", **more: Any) -> Delivered:
    headers = more.pop("headers", ())
    answer = StoredAnswer(200, headers, content_type, body, b"", len(body))
    return Delivered(answer, SETTLED, PAYMENT, nobody, **more)


@pytest.mark.parametrize(
    "outcome",
    [
        NotCharged(500, "upstream_error", PAYMENT, UPSTREAM_SAID),
        NotCharged(504, "timeout", PAYMENT),
        PaidUnanswered(502, "cut", PAYMENT, SETTLED),
        PaidUnanswered(500, "upstream_error", PAYMENT, SETTLED, UPSTREAM_SAID),
        Unavailable("settlement_pending", "Wait.", 2, PAYMENT, PENDING),
        Unavailable("busy", "Later.", 1),
        Refused(409, "in_flight", "At work."),
        Refused(409, "already_used", "Prove it.", extensions={"sign-in-with-x": {"info": {}}}),
        Refused(410, "answer_expired", "Gone.", payment_id=PAYMENT),
    ],
)
def test_what_no_new_payment_cures_is_no_quote(outcome: Told) -> None:
    """Clients look for a price in every text of an error, and pay it."""
    result = result_of(outcome, Absent.CLOSED)
    assert result["isError"] is True
    assert not {"accepts", "x402Version"} & set(result["structuredContent"])
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    assert all("accepts" not in block.get("text", "") for block in result["content"])
    receipt = result.get("_meta", {}).get("x402/payment-response")
    said = getattr(outcome, "settlement", None)
    assert receipt == (said.to_wire() if said else None)


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (in_flight("At work."), 1),
        (Refused(429, "too_many_bad_payments", "Wait.", (("Retry-After", "17"),)), 17),
        (Unavailable("busy", "Later.", 3), 3),
        (Refused(409, "already_used", "Prove it."), None),
    ],
)
def test_who_is_told_to_wait_is_told_how_long(outcome: Told, seconds: int | None) -> None:
    said = result_of(outcome, Absent.CLOSED)["structuredContent"]
    assert said.get("retry_after_seconds") == seconds


def test_whoever_has_to_wait_is_asked_for_what_brings_the_answer() -> None:
    question = {"sign-in-with-x": {"info": {"nonce": "1"}}}
    outcome = Unavailable("settlement_pending", "Wait.", 2, PAYMENT, PENDING, question)
    assert result_of(outcome, Absent.CLOSED)["structuredContent"]["extensions"] == question


@pytest.mark.parametrize(
    "outcome",
    [
        PaidUnanswered(502, "cut", PAYMENT, SETTLED),
        Refused(409, "refund_due", "Paid.", payment_id=PAYMENT),
    ],
)
def test_whoever_is_owed_a_refund_is_told_where_to_ask(outcome: Told) -> None:
    said = result_of(outcome, Absent.CLOSED)["structuredContent"]
    assert said["refund_url"].endswith("/api/refunds")
    assert said["status_url"].endswith(f"/p/{PAYMENT}")


def test_a_refused_payment_for_what_is_gone_is_not_quoted_anew() -> None:
    result = result_of(Challenged(Reason.INVALID_SIGNATURE), Absent.UNKNOWN)
    assert result["structuredContent"]["error"] == "not_found"


@pytest.mark.parametrize(
    ("outcome", "block", "structured"),
    [
        (delivered(b'{"a":1}'), {"type": "text", "text": '{"a":1}'}, {"a": 1}),
        (delivered(b"[1]"), {"type": "text", "text": "[1]"}, None),
        (delivered(b'{"a":1,"a":2}'), {"type": "text", "text": '{"a":1,"a":2}'}, None),
        (delivered(b'{"a":NaN}'), {"type": "text", "text": '{"a":NaN}'}, None),
        (delivered("é".encode(), "text/plain; charset=UTF-8"), {"type": "text", "text": "é"}, None),
        (delivered(b"\xe9", "text/plain"), "resource", None),
        (delivered(b"\xe9", "text/plain; charset=latin-1"), "resource", None),
        (delivered(b"PNG", "image/png"), "image", None),
        (delivered(b"RIFF", "audio/wav"), "audio", None),
        (delivered(b"%PDF", "application/pdf"), "resource", None),
        (delivered(b"{}", headers=(("Content-Encoding", "gzip"),)), "resource", None),
    ],
)
def test_an_answer_comes_as_what_it_is(outcome: Delivered, block: Any, structured: Any) -> None:
    result = result_of(outcome, Absent.CLOSED)
    (shown,) = result["content"]
    assert (shown if isinstance(block, dict) else shown["type"]) == block
    assert result.get("structuredContent") == structured
    assert result["isError"] is False
    assert result["_meta"]["x402/payment-response"] == SETTLED.to_wire()
    assert result["_meta"]["souk/payment"] == str(PAYMENT)


def test_an_empty_answer_and_a_joined_one_say_so() -> None:
    result = result_of(delivered(b"", joined=True), Absent.CLOSED)
    assert result["content"] == []
    assert result["_meta"]["souk/joined"] is True


async def test_a_payment_that_was_not_collected_is_named_in_the_new_quote(
    storefront: Storefront, database_url: str
) -> None:
    await in_thread(storefront.publish, "acme/weather")
    pool = await open_pool(database_url, size_max=1)
    _, place = await Stock(pool, storefront.site).read("acme/weather")
    await pool.close()
    failed = replace(PENDING, error_reason=Reason.TRANSACTION_FAILED)
    result = result_of(Challenged(Reason.TRANSACTION_FAILED, "", failed, PAYMENT), place)
    quote = result["structuredContent"]
    assert json.loads(result["content"][0]["text"]) == quote
    assert (quote["error"], len(quote["accepts"])) == ("transaction_failed", 1)
    assert quote["x402/payment-response"] == failed.to_wire()
    assert quote["payment"] == str(PAYMENT)
    assert quote["status_url"].endswith(f"/p/{PAYMENT}")
    assert result["_meta"] == {"x402/payment-response": failed.to_wire()}


def terms_of(storefront: Storefront, **changed: Any) -> Terms:
    return finish(storefront.draft(**changed), storefront.site)


def order(**given: Any) -> Order:
    said: dict[str, Any] = {
        "path": "acme/weather", "input": {}, "payment": "{}", "max_price": None, "proof": None,
        "demo": False, "fresh": False, "gone": asyncio.Event(),
        "headers": (("accept", "text/event-stream"), ("content-type", "application/json"),
                    ("x-wanted", "yes")),
    }  # fmt: skip
    return Order(**{**said, **given})


async def test_arguments_become_the_call_that_http_would_make(storefront: Storefront) -> None:
    terms = terms_of(
        storefront,
        method="POST",
        upstream_url=f"{storefront.upstream.url}/{{city}}/{{day}}",
        input_schema={
            "type": "object",
            "properties": {
                "path": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}, "day": {"type": "integer"}},
                    "required": ["city", "day"],
                },
                "query": {"type": "object", "properties": {"tag": {"type": "array"}}},
                "body": {"type": "object"},
            },
        },
        example={"path": {"city": "Oslo", "day": 1}, "body": {}},
    )
    given = {
        "path": {"day": 2, "city": "a/b é"},
        "query": {"tag": ["x", "y&z"], "demo": "true"},
        "body": {"text": "é", "n": 1.5},
    }
    request = request_of(order(input=given), terms)

    url = canonical_url("https://s", "acme/w", request.segments, request.query)
    assert url == "https://s/call/acme/w/a%2Fb%20%C3%A9/2?tag=x&tag=y%26z"
    assert await request.read_body() == '{"text":"é","n":1.5}'.encode()
    assert request.headers == (
        ("x-wanted", "yes"), ("accept", "*/*"), ("content-type", "application/json"),
    )  # fmt: skip

    for misfit in (
        {"city": "Oslo"},
        {"path": []},
        {"path": {}},
        {"path": {"city": "Oslo"}},
        {"path": {"city": "Oslo", "day": 1, "more": 1}},
        {"path": {"city": "..", "day": 1}},
        {"path": {"city": "", "day": 1}},
        {"path": {"city": "a\0", "day": 1}},
        {"path": {"city": "Oslo", "day": 2**70}},
        {"path": {"city": "Oslo", "day": None}},
        {"path": None},
        {"path": {"city": "Oslo", "day": 1}, "query": "x"},
        {"path": {"city": "Oslo", "day": 1}, "body": {"n": 2**70}},
    ):
        with pytest.raises(Misfit):
            request_of(order(input=misfit), terms)


async def test_what_is_null_is_not_sent(storefront: Storefront) -> None:
    """Agents write null for what they leave out; as a text it would be sold as an answer to it."""
    given = {
        "path": None,
        "query": {"city": "Oslo", "units": None, "tag": ["x", None], "none": [None]},
        "body": None,
    }
    request = request_of(order(input=given), terms_of(storefront))
    assert request.query == (("city", "Oslo"), ("tag", "x"))
    assert await request.read_body() == b""
    assert not [value for name, value in request.headers if name == "content-type"]
    assert request_of(order(input={"query": None}), terms_of(storefront)).query == ()

    inner = {"query": {"filter": {"a": None}}, "body": {"a": None, "b": [None]}}
    request = request_of(order(input=inner), terms_of(storefront))
    assert request.query == (("filter", '{"a":null}'),)
    assert await request.read_body() == b'{"a":null,"b":[null]}'


async def test_a_body_of_text_is_text(storefront: Storefront, settings: Settings) -> None:
    terms = terms_of(
        storefront,
        method="POST",
        input_schema={
            "type": "object",
            "properties": {"body": {"type": "string", "contentMediaType": "text/plain"}},
        },
        example={"body": "Hello"},
    )
    request = request_of(order(input={"body": "Grüezi"}), terms)
    assert await request.read_body() == "Grüezi".encode()
    assert ("content-type", "text/plain") in request.headers
    with pytest.raises(Misfit):
        request_of(order(input={"body": {"a": 1}}), terms)
    settings.REQUEST_BODY_BYTES_MAX = len("Grüezi".encode()) - 1
    with pytest.raises(BodyTooLarge):
        await request.read_body()


async def test_payments_that_cannot_be_read_are_counted(
    storefront: Storefront, surface: App, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.fixtures.storefront import in_thread

    settings.PROXY_HOPS = 1
    await in_thread(storefront.publish, "acme/weather")
    struck: list[str] = []
    monkeypatch.setattr(Strikes, "refused", lambda _, network, why: struck.append(network))
    named = {"name": "call_service", "arguments": {"path": "acme/weather"}}
    said = message("tools/call", {**named, "_meta": {"x402/payment": "not json"}})
    await post(surface, said, headers={"x-forwarded-for": "203.0.113.9"})
    assert struck == ["203.0.113.0/24"]


async def test_no_odd_payment_reaches_a_seller(storefront: Storefront, surface: App) -> None:
    shop = storefront
    await in_thread(shop.publish, "acme/weather")
    quote = (await visit(surface, "GET", "/call/acme/weather")).quote
    accepted = quote["accepts"][0]
    dear = {**accepted, "amount": "1"}
    table: list[tuple[Any, str]] = [
        (7, "invalid_payload"),
        ([], "invalid_payload"),
        ({}, "invalid_payload"),
        ("not json", "malformed_payment_json"),
        ("e30=", "malformed_payment_json"),
        ({"x402Version": 1}, "invalid_x402_version"),
        ({"x402Version": 2, "accepted": accepted}, "invalid_payload"),
        ({"x402Version": 2, "accepted": accepted, "payload": {"x": "y" * 20_000}},
         "invalid_payload"),
        ({"x402Version": 2, "accepted": {**accepted, "network": "eip155:1"}, "payload": {}},
         "No matching payment requirements"),
        ({"x402Version": 2, "accepted": dear, "payload": {}}, "invalid_payload"),
    ]  # fmt: skip
    for payment, error in table:
        said = message(
            "tools/call",
            {
                "name": "call_service",
                "arguments": {"path": "acme/weather"},
                "_meta": {"x402/payment": payment},
            },
        )
        result = (await post(surface, said)).json["result"]
        assert result["isError"], payment
        assert result["structuredContent"]["error"] == error, payment
        in_batch = (await post(surface, [said])).json[0]
        assert "error" in in_batch or in_batch["result"]["isError"]
    assert shop.upstream.calls == []
    asked = await use(surface, "call_service", path="acme/weather", input={"city": "x"})
    assert asked["structuredContent"]["accepts"] == [accepted]  # a quote judges no input


async def test_a_call_that_lasts_is_kept_alive_and_told_whether_it_arrived(
    surface: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(events, "COMMENT_SECONDS", 0.01)
    may_end, told = asyncio.Event(), list[bool]()

    async def tell(reached: bool) -> None:
        told.append(reached)

    async def slow(*_: Any) -> ToolAnswer:
        await may_end.wait()
        return ToolAnswer({"content": [], "isError": False}, tell)

    monkeypatch.setattr(methods.Methods, "answer", slow)
    commented = asyncio.Event()

    class Watched(Line):
        async def send(self, message: Message) -> None:
            await Line.send(self, message)
            if message.get("body", b"").startswith(b":"):
                commented.set()

    for hangs_up in (False, True):
        may_end.clear()
        commented.clear()
        line = Watched([json.dumps(message("tools/call", {})).encode()])
        headers = [(name.encode(), value.encode()) for name, value in JSON.items()]
        asked = asyncio.create_task(
            surface(scope_of("POST", "/mcp", headers), line.receive, line.send)
        )
        await commented.wait()
        if hangs_up:
            line.hangs_up.set()
            await asyncio.sleep(0)
        may_end.set()
        await asked
        seen = line.seen()
        assert seen["content-type"] == "text/event-stream"
        comments, _, event = seen.body.partition(b"event: message\ndata: ")
        assert set(comments.split(b"\n\n")) == {b": working", b""}
        assert json.loads(event)["result"] == {"content": [], "isError": False}
    assert told == [True, False]


async def test_an_accident_of_ours_says_nothing_and_pays_nothing(
    surface: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> ToolAnswer:
        raise RuntimeError("a secret")

    monkeypatch.setattr(methods.Methods, "answer", broken)
    seen = await post(surface, message("tools/call", {}))
    assert "same payment again" in seen.json["error"]["message"]
    assert "secret" not in seen.body.decode()
    assert "a secret" not in caplog.text
    assert "RuntimeError" in caplog.text


async def test_a_fault_names_the_payment_at_hand_in_no_shape_that_asks_to_pay(
    surface: App, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: object, asked: Any, visit: object) -> ToolAnswer:
        if asked.method == "tools/call":
            payment_at_hand.set(PAYMENT)
        raise RuntimeError

    monkeypatch.setattr(methods.Methods, "answer", broken)
    batch = [message("tools/call", {}, 1), message("tools/list", {}, 2)]
    seen = await post(surface, batch, headers={"mcp-protocol-version": "2025-03-26"})
    named, other = (each["error"] for each in seen.json)
    assert "may have been taken" in named["message"]
    assert named["data"] == {
        "retry_after_seconds": 1,
        "payment": str(PAYMENT),
        "status_url": f"{settings.PUBLIC_BASE_URL}/p/{PAYMENT}",
    }
    assert "data" not in other
    assert named["code"] == other["code"] == INTERNAL_ERROR
