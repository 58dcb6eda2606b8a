"""Whatever is sent to `/mcp` gets an answer, in one of the versions that clients speak."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import resolve
from pytest_django.fixtures import Settings

from marketplace.catalog.documents import well_known
from marketplace.catalog.documents.market import this_market
from marketplace.catalog.mcp import events
from marketplace.catalog.mcp.definitions import NAMES
from marketplace.catalog.mcp.protocol import (
    BATCH_MAX,
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    VERSIONS,
    written,
)
from tests.fixtures.storefront import Storefront
from tests.marketplace.catalog.mcp.agent import JSON, ask, message, post
from tests.marketplace.gateway.visitor import App, Line, scope_of, visit

LIST = message("tools/list", {})
CALL = "tools/call"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}

# A body, the HTTP status and the JSON-RPC error that answer it.
BROKEN: list[tuple[Any, int, int]] = [
    (b"", 400, PARSE_ERROR),
    (b"\xff\xfe", 400, PARSE_ERROR),
    (b"{", 400, PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', 400, PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', 400, PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', 400, PARSE_ERROR),
    (b"[" * 100_000, 400, PARSE_ERROR),
    (b'{"a":' * 200 + b"1" + b"}" * 200, 400, PARSE_ERROR),
    (b"7", 400, INVALID_REQUEST),
    (b'"ping"', 400, INVALID_REQUEST),
    (b"null", 400, INVALID_REQUEST),
    ([], 400, INVALID_REQUEST),
    ([LIST] * (BATCH_MAX + 1), 400, INVALID_REQUEST),
    ({}, 400, INVALID_REQUEST),
    ({"id": 1, "method": "ping"}, 400, INVALID_REQUEST),
    ({**LIST, "jsonrpc": "1.0"}, 400, INVALID_REQUEST),
    ({**LIST, "id": None}, 400, INVALID_REQUEST),
    ({**LIST, "id": True}, 400, INVALID_REQUEST),
    ({**LIST, "id": 1.5}, 400, INVALID_REQUEST),
    ({**LIST, "id": {}}, 400, INVALID_REQUEST),
    ({**LIST, "id": "x" * 300}, 400, INVALID_REQUEST),
    ({**LIST, "id": 2**70}, 400, INVALID_REQUEST),
    ({**LIST, "method": 7}, 400, INVALID_REQUEST),
    ({**LIST, "method": ""}, 400, INVALID_REQUEST),
    ({**LIST, "method": "x" * 200}, 400, INVALID_REQUEST),
    ({**LIST, "params": []}, 200, INVALID_PARAMS),
    ({**LIST, "params": None}, 200, INVALID_PARAMS),
    (message("tools/list", {"cursor": 7}), 200, INVALID_PARAMS),
    (message("tools/list", {"cursor": "more"}), 200, INVALID_PARAMS),
    (message("no/such"), 200, METHOD_NOT_FOUND),
    (message("__class__"), 200, METHOD_NOT_FOUND),
    (message("resources/list"), 200, METHOD_NOT_FOUND),
    (message(CALL), 200, INVALID_PARAMS),
    (message(CALL, {"name": 7}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "no-such-tool"}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "../../etc/passwd"}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": []}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {}}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {"path": "a"}}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {"path": "a/b/c"}}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {"path": "A/b"}}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {"path": "a/../b"}}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {"path": "a" * 9_000}}), 200,
     INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {"path": "a/b", "input": 7}}), 200,
     INVALID_PARAMS),
    (message(CALL, {"name": "call_service", "arguments": {"path": "a/b", "x\x00": 7}}), 200,
     INVALID_PARAMS),
    (message(CALL, {"name": "read_service", "arguments": {"path": ["a/b"]}}), 200, INVALID_PARAMS),
    (message(CALL, {"name": "search_services", "arguments": {"query": {}}}), 200, INVALID_PARAMS),
]  # fmt: skip


async def test_what_is_broken_is_answered_with_its_error(surface: App) -> None:
    for said, status, code in BROKEN:
        seen = await post(surface, said)
        assert (seen.status, seen.json["error"]["code"]) == (status, code), said
        assert seen.json["jsonrpc"] == "2.0"
        identifier = said.get("id") if isinstance(said, dict) else None
        is_good = isinstance(identifier, int) and not isinstance(identifier, bool)
        assert seen.json["id"] == (1 if is_good and identifier < 2**63 else None), said
        assert seen["x-content-type-options"] == "nosniff"


async def test_a_head_that_will_not_do_is_said_at_once(surface: App, settings: Settings) -> None:
    own = settings.PUBLIC_BASE_URL
    list_tools = json.dumps(LIST).encode()
    table: list[tuple[str, str, dict[str, str], int]] = [
        ("GET", "/mcp", {"accept": "text/event-stream"}, 405),
        ("DELETE", "/mcp", {"mcp-session-id": "1"}, 405),
        ("HEAD", "/mcp", {}, 405),
        ("OPTIONS", "/mcp", {}, 204),
        ("POST", "/mcp/", JSON, 404),
        ("POST", "/mcp/No-Such!", JSON, 404),
        ("POST", "/mcp/acme/weather", JSON, 404),
        ("POST", "/mcp/server-card", JSON, 405),
        ("POST", "/mcp", {}, 415),
        ("POST", "/mcp", {"content-type": "text/plain"}, 415),
        ("POST", "/mcp", {**JSON, "accept": "text/html"}, 406),
        ("POST", "/mcp", {**JSON, "origin": "https://evil.example"}, 403),
        ("POST", "/mcp", {**JSON, "origin": "null"}, 403),
        ("POST", "/mcp", {**JSON, "origin": f"{own}.evil.example"}, 403),
        ("POST", "/mcp", {**JSON, "origin": own}, 200),
        ("POST", "/mcp", {"content-type": "application/json; charset=utf-8"}, 200),
        ("POST", "/mcp", {**JSON, "accept": "*/*"}, 200),
        ("POST", "/mcp", {**JSON, "x-much": "x" * 40_000}, 431),
        ("POST", "/mcp", {**JSON, "mcp-protocol-version": "1999-01-01"}, 400),
    ]
    for method, path, headers, status in table:
        seen = await visit(surface, method, path, headers, list_tools if method == "POST" else b"")
        assert seen.status == status, (method, path, headers)
        assert (seen["allow"] is not None) == (status in (204, 405))


PAGE = {"origin": "https://agent.example"}
PUBLIC = ("https://souk.example", "https://souk.example:8443", "https://93.184.215.14")
# A page's own address does not reach these: its visitor's browser would.
NEAR = (
    "http://127.0.0.1:8402", "http://localhost:8402", "http://[::1]:8402", "http://10.0.0.7",
    "http://192.168.1.5:8402", "http://souk.localhost", "https://souk.local",
)  # fmt: skip


@pytest.mark.parametrize("base_url", PUBLIC)
async def test_a_page_of_any_site_speaks_to_a_public_marketplace(
    surface: App, settings: Settings, base_url: str
) -> None:
    settings.PUBLIC_BASE_URL = base_url
    asks = {**PAGE, "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,mcp-protocol-version"}  # fmt: skip
    first = await visit(surface, "OPTIONS", "/mcp", asks)
    allowed = (first["access-control-allow-headers"] or "").lower().split(", ")
    assert (first.status, first["access-control-allow-origin"]) == (204, "*")
    assert "POST" in (first["access-control-allow-methods"] or "")
    assert {"content-type", "mcp-protocol-version", "mcp-method", "mcp-name",
            "mcp-session-id"} <= set(allowed)  # fmt: skip
    told = message("notifications/initialized")
    told.pop("id")
    events_only = {**PAGE, "accept": "text/event-stream"}
    for said, headers, status in (
        (LIST, PAGE, 200),
        (LIST, events_only, 200),
        (told, PAGE, 202),
        (b"{", PAGE, 400),
        (LIST, {**PAGE, "content-type": "text/plain"}, 415),
    ):
        seen = await post(surface, said, headers=headers)
        assert (seen.status, seen["access-control-allow-origin"]) == (status, "*"), said
        assert "Mcp-Session-Id" in (seen["access-control-expose-headers"] or "")
        assert seen["access-control-allow-credentials"] is None
    stream = await visit(surface, "GET", "/mcp", PAGE)
    assert (stream.status, stream["access-control-allow-origin"]) == (405, "*")


@pytest.mark.parametrize("base_url", NEAR)
async def test_no_page_of_another_site_speaks_to_a_marketplace_near_its_visitor(
    surface: App, settings: Settings, base_url: str
) -> None:
    settings.PUBLIC_BASE_URL = settings.CALL_BASE_URL = base_url
    for method in ("OPTIONS", "POST"):
        body = json.dumps(LIST).encode() if method == "POST" else b""
        seen = await visit(surface, method, "/mcp", {**JSON, **PAGE}, body)
        assert seen.status == (403 if method == "POST" else 204)
        assert seen["access-control-allow-origin"] is None
    own = await post(surface, LIST, headers={"origin": base_url})
    assert own.status == 200


async def test_a_body_longer_than_it_says_is_not_read_to_its_end(
    surface: App, settings: Settings
) -> None:
    settings.MCP_BODY_BYTES_MAX = 1_000
    headers = [(b"content-type", b"application/json")]
    line = Line([b"[" * 600, b"[" * 600, b"never read"])
    await surface(scope_of("POST", "/mcp", headers), line.receive, line.send)
    assert line.seen().status == 413
    assert line.pieces == [b"never read"]


@pytest.mark.parametrize("version", [each for each in VERSIONS if each != "2026-07-28"])
async def test_a_handshake_settles_on_the_clients_version(surface: App, version: str) -> None:
    begun = await ask(surface, "initialize", {"protocolVersion": version, "capabilities": {}})
    assert begun["protocolVersion"] == version
    assert begun["capabilities"] == {"tools": {}}
    seen = await post(
        surface,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        headers={"mcp-protocol-version": version},
    )
    assert (seen.status, seen.body) == (202, b"")
    listed = await post(surface, LIST, headers={"mcp-protocol-version": version})
    assert len(listed.json["result"]["tools"]) == len(NAMES)


async def test_a_client_of_another_version_is_offered_ours(surface: App) -> None:
    for requested in ("1999-01-01", "2026-07-28", 7, None):
        begun = await ask(surface, "initialize", {"protocolVersion": requested})
        assert begun["protocolVersion"] == "2025-11-25"
    seen = await post(surface, LIST, headers={"mcp-protocol-version": "2030-01-01"})
    assert seen.json["error"]["code"] == UNSUPPORTED_VERSION
    assert seen.json["error"]["data"] == {"supported": list(VERSIONS), "requested": "2030-01-01"}


async def test_batches_are_answered_where_the_version_has_them(surface: App) -> None:
    batch = [LIST, {"jsonrpc": "2.0", "method": "notifications/x"}, 7, message("ping", {}, "two")]
    seen = await post(surface, batch, headers={"mcp-protocol-version": "2025-03-26"})
    assert seen.status == 200
    first, broken, second = seen.json
    assert len(first["result"]["tools"]) == len(NAMES)
    assert (broken["id"], broken["error"]["code"]) == (None, INVALID_REQUEST)
    assert (second["id"], second["result"]) == ("two", {})
    for version in ("2025-06-18", "2025-11-25", "2026-07-28"):
        refused = await post(surface, batch, headers={"mcp-protocol-version": version})
        assert (refused.status, refused.json["error"]["code"]) == (400, INVALID_REQUEST)
    only_told = [{"jsonrpc": "2.0", "method": "notifications/x"}]
    assert (await post(surface, only_told)).status == 202
    assert (await post(surface, {"jsonrpc": "2.0", "id": 1, "result": {}})).status == 202


async def test_the_version_without_a_handshake_is_spoken(surface: App) -> None:
    async def said(method: str, params: Any = None, **headers: str) -> Any:
        given = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        params = {"_meta": META, **(params or {})}
        return await post(surface, message(method, params), headers={**given, **named})

    found = (await said("server/discover")).json["result"]
    assert found["supportedVersions"] == list(VERSIONS)
    assert (found["resultType"], found["cacheScope"]) == ("complete", "public")
    listed = (await said("tools/list")).json["result"]
    assert listed["resultType"] == "complete"
    assert listed["ttlMs"] > 0
    search = {"name": "search_services", "arguments": {}}
    called = await said("tools/call", search, mcp_name="search_services")
    assert called.json["result"]["structuredContent"] == {"services": []}
    coded = await said("tools/call", search, mcp_name="=?base64?c2VhcmNoX3NlcnZpY2Vz?=")
    assert coded.status == 200

    for seen, status, code in (
        (await said("ping"), 404, METHOD_NOT_FOUND),
        (await said("tools/list", mcp_method="ping"), 400, HEADER_MISMATCH),
        (await said("tools/call", search, mcp_name="call_service"), 400, HEADER_MISMATCH),
        (await said("tools/call", search, mcp_name="=?base64?%?="), 400, HEADER_MISMATCH),
        (await said("tools/list", {"_meta": {}}), 400, INVALID_PARAMS),
        (
            await said("tools/list", {"_meta": {**META, next(iter(META)): "2025-11-25"}}),
            400,
            HEADER_MISMATCH,
        ),
    ):
        assert (seen.status, seen.json["error"]["code"]) == (status, code)


async def test_who_takes_only_events_gets_one(surface: App) -> None:
    seen = await post(surface, LIST, headers={"accept": "text/event-stream"})
    assert (seen.status, seen["content-type"]) == (200, "text/event-stream")
    head, data, *end = seen.body.split(b"\n")
    assert (head, end) == (b"event: message", [b"", b""])
    assert len(json.loads(data.removeprefix(b"data: "))["result"]["tools"]) == len(NAMES)


async def test_an_event_is_one_line_for_every_reader() -> None:
    """Some split at whatever Unicode calls the end of a line, which JSON need not escape."""
    text = "a\u0085b\u2028c\u2029d\r\n\x0b\x0c\x1c\x1ee"
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await events.end(written({"said": text}), send)
    head, data, *end = sent[0]["body"].decode().splitlines()
    assert (head, end) == ("event: message", [""])
    assert json.loads(data.removeprefix("data: ")) == {"said": text}


async def test_the_card_says_where_and_what_is_spoken(
    storefront: Storefront, surface: App, settings: Settings
) -> None:
    seen = await visit(surface, "GET", "/mcp/server-card")
    assert seen["content-type"] == "application/mcp-server-card+json"
    assert seen.json["remotes"] == [
        {
            "type": "streamable-http",
            "url": f"{settings.PUBLIC_BASE_URL}/mcp",
            "supportedProtocolVersions": list(VERSIONS),
        }
    ]
    assert len(seen.json["description"]) <= 100
    assert "tools" not in seen.json
    where_older_programs_look = resolve("/.well-known/mcp/server-card.json").func
    found = where_older_programs_look(RequestFactory().get("/"))
    assert json.loads(found.content) == seen.json
    entry = well_known.ai_catalog(this_market())["entries"][0]
    assert entry["url"] == f"{settings.PUBLIC_BASE_URL}/mcp/server-card"
    assert entry["type"] == seen["content-type"]
