"""Each check of a grader fails for what it is about, and for nothing else."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from payments.egress import Failed, FailureKind, Reply
from sellers.grading.checks import REQUIRED, preflight
from sellers.grading.face import Face
from sellers.grading.grading import graded
from sellers.grading.header_budget import quote_to_be
from sellers.grading.listed import listed
from sellers.offers import resource_url
from sellers.profile.look_alikes import skeleton
from sellers.terms import Terms
from tests.sellers.conftest import SITE

URL = resource_url(SITE.call_base_url, "acme/weather")
QUOTED = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "PAYMENT-REQUIRED, PAYMENT-RESPONSE",
}
ALLOWED = {"Access-Control-Allow-Headers": "PAYMENT-SIGNATURE, X-PAYMENT, Content-Type"}


def reply(status: int, headers: dict[str, str], body: bytes) -> Reply:
    return Reply(status, CIMultiDictProxy(CIMultiDict(headers)), body, framed=True)


def quoted(document: Any, **more: str) -> Reply:
    body = orjson.dumps(document)
    return reply(402, {**QUOTED, "PAYMENT-REQUIRED": b64encode(body).decode(), **more}, body)


def result(said: Any) -> Reply:
    return reply(200, {}, orjson.dumps({"jsonrpc": "2.0", "id": "health-check", "result": said}))


def as_tool(description: str, **meta: Any) -> dict[str, Any]:
    known = {"souk/path": "acme/weather", "examples": [{}], **meta}
    return {"name": "weather", "description": description, "_meta": known}


def called(document: Any, **more: Any) -> Reply:
    text = [{"type": "text", "text": orjson.dumps(document).decode()}]
    return result({"isError": True, "structuredContent": document, "content": text, **more})


@pytest.fixture
def terms(make_terms: Callable[..., Terms]) -> Terms:
    return make_terms()


@pytest.fixture
def document(terms: Terms) -> dict[str, Any]:
    wire = quote_to_be(terms, URL, SITE).challenge.to_wire()
    return dict(orjson.loads(orjson.dumps(wire)))


@pytest.fixture
def face(terms: Terms, document: dict[str, Any]) -> Face:
    """What a healthy listing answers."""
    quote_ = quoted(document)
    path = "/call/acme/weather"
    openapi = {
        "paths": {path: {"get": {"x-payment-info": {"price": {"mode": "fixed", "amount": "0.01"}}}}}
    }
    return Face(
        url=URL,
        bare=quote_,
        posted=quote_,
        replayed=quote_,
        preflight=reply(204, ALLOWED, b""),
        demo=reply(200, {"X-Demo": "true"}, terms.sample.body),
        older=reply(402, QUOTED, b'{"x402Version":1}'),
        openapi=reply(200, {}, orjson.dumps(openapi)),
        well_known=reply(200, {}, orjson.dumps({"version": 1, "resources": [URL]})),
        tools=result({"tools": [{"name": "search_services"}]}),
        sellers_tools=result({"tools": [as_tool("Paid: $0.01 a call")]}),
        tool_call=called(document),
        contracts={terms.prices[0].pay_to: False},
    )


def failing(face: Face, terms: Terms) -> set[str]:
    checks = [*graded(face, terms, SITE), *listed(face)]
    return {check.check for check in checks if not check.passed}


def test_a_healthy_listing_passes_everything(face: Face, terms: Terms) -> None:
    checks = [*graded(face, terms, SITE), *listed(face)]
    assert [check.check for check in checks if not check.passed] == []
    assert len({check.check for check in checks}) == len(checks) >= 20
    said = preflight(checks)
    assert said["valid"] is True
    assert said["preflight"][0] == {
        "check": "returns-402",
        "passed": True,
        "detail": "GET, and POST with {}, are answered with the price",
        "expected": "402 and 402",
        "actual": "402 and 402",
        "severity": REQUIRED,
    }


def test_every_failed_check_says_what_to_do(terms: Terms) -> None:
    nothing = reply(500, {}, b"<html>")
    face = Face(URL, nothing, nothing, nothing, contracts={"0x": True})
    checks = [*graded(face, terms, SITE), *listed(face)]
    failed = [check for check in checks if not check.passed]
    assert len(failed) >= 17
    assert all(check.fix and check.actual for check in failed)
    assert preflight(checks)["valid"] is False


def changed(document: dict[str, Any], **fields: Any) -> Reply:
    return quoted(document | fields)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda d: {"posted": reply(405, {}, b"")}, "returns-402"),
        (lambda d: {"bare": changed(d, x402Version=1)}, "protocol-version"),
        (lambda d: {"bare": replace(quoted(d), body=b"{}")}, "challenge-header"),
        (lambda d: {"bare": changed(d, padding="x" * 7_000)}, "header-budget"),
        (lambda d: {"older": reply(402, {}, b"{}")}, "older-clients"),
        (lambda d: {"bare": changed(d, accepts=[{**d["accepts"][0], "amount": "1.5"}])}, "accepts"),
        (
            lambda d: {"bare": changed(d, accepts=[{**d["accepts"][0], "asset": "0x" + "1" * 40}])},
            "unknown_asset",
        ),
        (
            lambda d: {"bare": changed(d, resource={**d["resource"], "url": URL + "/"})},
            "resource-url",
        ),
        (
            lambda d: {"bare": changed(d, resource={**d["resource"], "mimeType": ""})},
            "resource-described",
        ),
        (lambda d: {"replayed": reply(400, {}, b"")}, "bazaar-replay"),
        (lambda d: {"preflight": reply(204, {}, b"")}, "cors-expose"),
        (lambda d: {"bare": quoted(d, **{"Cache-Control": "max-age=60"})}, "no-store"),
        (lambda d: {"bare": quoted(d, **{"Content-Type": "text/html"})}, "errors-are-json"),
        (lambda d: {"demo": reply(200, {"X-Demo": "true"}, b"other")}, "demo-live"),
        (lambda d: {"bare": changed(d, retry={})}, "retry-path"),
        (lambda d: {"contracts": {"0x": True}}, "evm-payto-eoa"),
        (lambda d: {"openapi": reply(404, {}, b"")}, "openapi-listed"),
        (lambda d: {"well_known": reply(200, {}, b'{"resources":[]}')}, "well-known-listed"),
        (lambda d: {"tools": reply(404, {}, b"")}, "mcp-server"),
        (lambda d: {"sellers_tools": result({"tools": [as_tool("Paid")]})}, "mcp-paid-tools"),
        (lambda d: {"sellers_tools": result({"tools": []})}, "mcp-paid-tools"),
        (lambda d: {"tool_call": called(d, isError=False)}, "mcp-payment-required"),
        (lambda d: {"tool_call": called({**d, "accepts": []})}, "mcp-payment-structured"),
        (lambda d: {"tool_call": called(d, content=[])}, "mcp-payment-text"),
    ],
)
def test_each_check_has_its_own_fault(
    face: Face, terms: Terms, document: dict[str, Any], change: Any, check: str
) -> None:
    found = failing(replace(face, **change(document)), terms)
    # What the 402 quotes is held against what MCP quotes, too.
    assert found - {"mcp-payment-structured"} == {check} - {"mcp-payment-structured"}
    assert check in found


def test_an_example_that_breaks_its_own_schema_is_found(
    face: Face, terms: Terms, document: dict[str, Any]
) -> None:
    bazaar = document["extensions"]["bazaar"]
    bazaar["info"]["input"]["method"] = "BREW"
    assert failing(replace(face, bare=quoted(document)), terms) == {"bazaar"}


def test_a_quote_dearer_than_advertised_is_found(face: Face, terms: Terms) -> None:
    openapi = orjson.loads(face.openapi.body)  # type: ignore[union-attr]
    item = openapi["paths"]["/call/acme/weather"]["get"]
    item["x-payment-info"]["price"]["amount"] = "0.009"
    dear = replace(face, openapi=reply(200, {}, orjson.dumps(openapi)))
    assert failing(dear, terms) == {"price_above_advertised"}


def test_what_cannot_be_judged_is_not(face: Face) -> None:
    assert face.is_known
    assert not replace(face, bare=Failed(FailureKind.CONNECT, "nobody there")).is_known
    closed = replace(face, bare=reply(503, {}, b""))
    assert not closed.is_known
    assert "503" in closed.why_not


def test_the_header_is_read_as_it_stands(face: Face, terms: Terms) -> None:
    assert isinstance(face.bare, Reply)
    header = face.bare.headers["PAYMENT-REQUIRED"]
    assert orjson.loads(b64decode(header))["resource"]["url"] == URL
    odd = replace(face, bare=reply(402, {**QUOTED, "PAYMENT-REQUIRED": "%%%"}, b"{}"))
    assert "challenge-header" in failing(odd, terms)


@pytest.mark.parametrize(
    ("one", "other"),
    [("City Weather", "city-weather"), ("Modern", "Modem"), ("PayPal", "Рaураl"), ("Ola", "0la")],
)
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)
    assert skeleton(one) != skeleton(one + "x")
