"""The call to an upstream: what it carries, what comes back, and every way it can fail."""

import asyncio
import gzip
import hashlib
import hmac
import resource
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from marketplace.calls.forwarding import (
    Answered,
    Failed,
    FailureKind,
    Outcome,
    UnsafeTarget,
    Upstream,
    forward,
    target,
)
from marketplace.calls.shares import Share, Shares
from payments.egress import EgressRule, open_client, parse_allowance
from tests.fixtures.upstream import (
    ScriptedUpstream,
    answer,
    answer_then_close,
    chunked,
    cut,
    drip,
    gzipped,
    hang,
    hang_up,
    oversized,
    raw,
    redirect,
)

MARKS = {"payment": "0190-pay", "payer": "0xBuyer", "listing": "acme/weather"}
KEY = b"listing signing key"
BRIEF_SECONDS = 1.0  # a busy machine has made the connection and sent the question by then
LOOPBACK = EgressRule((parse_allowance("127.0.0.0/8:*"),))


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_client(LOOPBACK) as opened:
        yield opened


def terms(upstream: ScriptedUpstream, path: str = "/api/run", **changes: Any) -> Upstream:
    ordinary = Upstream(
        url_template=upstream.url + path,
        method="GET",
        secret_headers={},
        forward_headers=frozenset(),
        connect_seconds=5,
        first_byte_seconds=10,
        total_seconds=10,
        answer_bytes_max=1_000_000,
    )
    return replace(ordinary, **changes)


async def call(client: aiohttp.ClientSession, upstream: Upstream, **changes: Any) -> Outcome:
    ordinary: dict[str, Any] = {
        "path_values": {},
        "query": (),
        "headers": (),
        "body": b"",
        "idempotency_key": "key-1",
        "marks": MARKS,
        "signing_key": KEY,
    }
    return await forward(client, upstream, **(ordinary | changes))


def failure(outcome: Outcome) -> FailureKind:
    assert isinstance(outcome, Failed), outcome
    return outcome.kind


# What the upstream is sent


async def test_it_sends_method_path_query_and_body_as_the_buyer_meant_them(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    listing = terms(upstream, "/v1/{from}/to/{to}", method="POST")
    outcome = await call(
        client,
        listing,
        path_values={"from": "AC/DC", "to": "ü b"},
        query=[("q", "a b&c=d#e"), ("q", "100%"), ("empty", "")],
        headers=[("content-type", "application/json")],
        body=b'{"a": 1}',
    )
    assert isinstance(outcome, Answered)
    (seen,) = upstream.calls
    assert seen.target.startswith("/v1/AC%2FDC/to/%C3%BC%20b?")
    assert seen.query == [("q", "a b&c=d#e"), ("q", "100%"), ("empty", "")]
    assert (seen.method, seen.body) == ("POST", b'{"a": 1}')
    assert seen.header("Content-Type") == "application/json"
    assert seen.header("Content-Length") == "8"
    assert seen.header("Transfer-Encoding") is None
    assert seen.header("Accept-Encoding") == "identity"
    assert seen.header("Idempotency-Key") == "key-1"


async def test_a_large_body_arrives_whole_with_its_length(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    body = bytes(range(256)) * 8192  # 2 MiB
    await call(client, terms(upstream, method="PUT"), body=body)
    assert upstream.calls[0].header("Content-Length") == str(len(body))
    assert upstream.calls[0].body == body


async def test_an_upstream_can_check_that_a_call_came_through_the_marketplace(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    await call(client, terms(upstream, method="POST"), body=b"paid for")
    (seen,) = upstream.calls
    named = [seen.header(f"X-Souk-{name}") for name in ("Payment", "Payer", "Listing")]
    assert named == ["0190-pay", "0xBuyer", "acme/weather"]
    timestamp = seen.header("X-Souk-Timestamp")
    assert timestamp is not None
    body_hash = hashlib.sha256(b"paid for").hexdigest()
    text = f"souk-v1\n{timestamp}\n0190-pay\n0xBuyer\nacme/weather\n{body_hash}"
    expected = hmac.new(KEY, text.encode(), "sha256").hexdigest()
    assert seen.header("X-Souk-Signature") == f"v1={expected}"


async def test_only_listed_headers_of_the_buyer_pass(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    listing = terms(upstream, forward_headers=frozenset({"x-color", "x-hop", "x-long"}))
    buyers = [
        ("accept", "text/csv"),
        ("accept-language", "nb"),
        ("x-color", "blue"),
        ("x-other", "dropped"),
        ("user-agent", "an agent"),
        ("connection", "keep-alive, X-Hop"),
        ("x-hop", "dropped"),
        ("x-long", "l" * 5000),
    ]
    await call(client, listing, headers=buyers)
    seen = upstream.calls[0]
    assert [seen.header(name) for name in ("Accept", "Accept-Language", "X-Color")] == [
        "text/csv",
        "nb",
        "blue",
    ]
    assert [seen.header(name) for name in ("X-Other", "X-Hop", "X-Long")] == [None] * 3
    assert seen.header("User-Agent") == "Souk"


FORBIDDEN = [
    "payment-signature",
    "payment-required",
    "payment-response",
    "payment_signature",
    "x-payment",
    "x_payment",
    "x-payment-response",
    "sign-in-with-x",
    "cookie",
    "authorization",
    "proxy-authorization",
    "x-souk-payer",
    "x_souk_payer",
    "x-forwarded-for",
    "forwarded",
    "via",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "range",
    "if-none-match",
    "content-encoding",
]


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_payment_and_identity_headers_never_pass_even_when_the_seller_asks(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, name: str
) -> None:
    listing = terms(upstream, forward_headers=frozenset({name}))
    await call(client, listing, headers=[(name, "the buyer's")])
    assert "the buyer's" not in [value for _, value in upstream.calls[0].headers]


async def test_the_sellers_secret_headers_win_over_the_buyers(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    secret = {
        "Authorization": "Bearer seller",
        "X-Key": "k",
        "X-Souk-Payer": "forged",
        "Content-Length": "1",
    }
    listing = terms(upstream, secret_headers=secret, forward_headers=frozenset({"x-key"}))
    await call(client, listing, headers=[("x-key", "buyer"), ("authorization", "Bearer buyer")])
    seen = upstream.calls[0]
    assert (seen.header("Authorization"), seen.header("X-Key")) == ("Bearer seller", "k")
    assert (seen.header("X-Souk-Payer"), seen.header("Content-Length")) == ("0xBuyer", None)


async def test_a_second_content_type_is_not_sent(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    twice = [("content-type", "application/json"), ("content-type", "text/plain")]
    await call(client, terms(upstream, method="POST"), headers=twice, body=b"{}")
    assert upstream.calls[0].header("Content-Type") == "application/json"


# Where it is sent


@pytest.mark.parametrize(
    "value",
    [
        "",
        "..",
        ".",
        "../admin",
        "a/../b",
        "..%2fadmin",
        "%2e%2e",
        "..\\x",
        "..;/x",
        "a\nb",
        "\ud800",
    ],
)
def test_a_path_parameter_cannot_climb_out_of_the_listings_path(value: str) -> None:
    with pytest.raises(UnsafeTarget):
        target("https://h.example/prefix/{name}", {"name": value}, ())


def test_two_parameters_cannot_make_a_step_together() -> None:
    with pytest.raises(UnsafeTarget):
        target("https://h.example/x/{a}{b}", {"a": ".", "b": "."}, ())


def test_a_missing_path_parameter_is_refused() -> None:
    with pytest.raises(UnsafeTarget):
        target("https://h.example/x/{a}", {}, ())


def test_a_parameter_never_becomes_the_host() -> None:
    with pytest.raises(UnsafeTarget):
        target("https://{a}.example/x", {"a": "evil"}, ())


@pytest.mark.parametrize("value", ["@evil.example", "a?b=c", "a#b", "a b", "%", "a/b", "...", "é"])
def test_any_other_value_stays_one_segment_of_the_sellers_address(value: str) -> None:
    url = target("https://h.example:8443/p/{name}/end", {"name": value}, [("k", "v")])
    assert (url.scheme, url.host, url.port) == ("https", "h.example", 8443)
    assert len(url.raw_path.split("/")) == 4
    assert url.raw_query_string == "k=v"


def test_the_sellers_own_query_stays_in_front() -> None:
    url = target("https://h.example/p?fixed=1", {}, [("q", "&fixed=2")])
    assert list(url.query.items()) == [("fixed", "1"), ("q", "&fixed=2")]


def test_a_query_that_is_no_text_is_refused() -> None:
    with pytest.raises(UnsafeTarget):
        target("https://h.example/p", {}, [("q", "\ud800")])


# What comes back


@pytest.mark.parametrize("status", [200, 201, 204, 400, 402, 404, 429, 500, 503])
async def test_a_whole_answer_of_any_status_is_answered(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, status: int
) -> None:
    body = b"" if status == 204 else b"said"
    upstream.script(answer(body, status=status, content_type="text/plain; charset=utf-8"))
    outcome = await call(client, terms(upstream))
    assert outcome == Answered(status, (), "text/plain; charset=utf-8", body)


async def test_only_listed_headers_of_the_upstream_pass(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    hostile = (
        ("Set-Cookie", "session=stolen"),
        ("Content-Security-Policy", "default-src *"),
        ("Strict-Transport-Security", "max-age=1"),
        ("Access-Control-Allow-Origin", "*"),
        ("Location", "https://evil.example/"),
        ("PAYMENT-RESPONSE", "forged"),
        ("PAYMENT-REQUIRED", "forged"),
        ("X-PAYMENT-RESPONSE", "forged"),
        ("EXTENSION-RESPONSES", "forged"),
        ("Settlement-Overrides", "amount=1"),
        ("Clear-Site-Data", "*"),
        ("X-Souk-Joined", "forged"),
        ("X-Payment-Charged", "forged"),
        ("Server", "leaky/1.0"),
        ("ETag", '"v1"'),
    )
    kept = (("Content-Language", "nb"), ("Retry-After", "7"))
    upstream.script(answer(headers=hostile + kept))
    outcome = await call(client, terms(upstream))
    assert isinstance(outcome, Answered)
    assert sorted(outcome.headers) == sorted(kept)


async def test_a_header_that_is_not_plain_text_does_not_pass(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    odd = (("Content-Language", "caf\xe9"), ("X-Request-Id", "x" * 5000))
    upstream.script(answer(content_type="text/\xe9", headers=odd))
    outcome = await call(client, terms(upstream))
    assert isinstance(outcome, Answered)
    assert (outcome.headers, outcome.content_type) == ((), "application/octet-stream")


async def test_a_chunked_answer_arrives_whole(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(chunked(b"one ", b"two ", b"three"))
    outcome = await call(client, terms(upstream))
    assert isinstance(outcome, Answered)
    assert outcome.body == b"one two three"


async def test_a_compressed_answer_passes_as_it_is(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(gzipped(b"x" * 100_000))
    outcome = await call(client, terms(upstream, answer_bytes_max=1000))
    assert isinstance(outcome, Answered)
    assert outcome.headers == (("Content-Encoding", "gzip"),)
    assert gzip.decompress(outcome.body) == b"x" * 100_000


async def test_a_redirect_is_an_answer_and_is_not_followed(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(redirect("/elsewhere", status=307))
    outcome = await call(client, terms(upstream))
    assert isinstance(outcome, Answered)
    assert (outcome.status, len(upstream.calls)) == (307, 1)


async def test_an_interim_answer_is_not_the_answer(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    last = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    upstream.script(raw(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 3 + last))
    outcome = await call(client, terms(upstream))
    assert isinstance(outcome, Answered)
    assert (outcome.status, outcome.body) == (200, b"ok")


# How it fails


async def test_a_cut_answer_is_a_failure(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(cut())
    assert failure(await call(client, terms(upstream))) is FailureKind.CUT


async def test_chunks_without_their_end_are_a_failure(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"))
    assert failure(await call(client, terms(upstream))) is FailureKind.CUT


@pytest.mark.parametrize(
    "nonsense",
    [
        b"I am no HTTP server\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nends when the connection does",
    ],
    ids=["no-http", "length", "chunks", "long-header", "many-headers", "unframed"],
)
async def test_an_answer_that_is_no_sound_http_is_a_failure(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, nonsense: bytes
) -> None:
    upstream.script(raw(nonsense))
    kind = failure(await call(client, terms(upstream)))
    assert kind in (FailureKind.PROTOCOL, FailureKind.CUT)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_lost_connection_is_not_tried_again(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, method: str
) -> None:
    upstream.script(answer(), hang_up())
    listing = terms(upstream, method=method)
    assert isinstance(await call(client, listing), Answered)
    outcome = await call(client, listing)  # on the connection of the first
    assert failure(outcome) is FailureKind.CUT
    assert isinstance(outcome, Failed)
    assert outcome.may_have_acted
    assert [seen.connection for seen in upstream.calls] == [1, 1]


async def test_no_call_is_made_twice_while_connections_close_under_it(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(answer_then_close())
    outcomes = [await call(client, terms(upstream)) for _ in range(50)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert {outcome.kind for outcome in lost} <= {FailureKind.CUT}
    assert 50 - len(lost) <= len(upstream.calls) <= 50


async def test_a_connection_is_used_again(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    for _ in range(3):
        await call(client, terms(upstream))
    assert upstream.connections == 1


@pytest.mark.parametrize("limit", ["first_byte_seconds", "total_seconds"])
async def test_silence_before_the_first_byte_ends_at_its_deadline(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, limit: str
) -> None:
    """It is part of the whole: a seller who gives a call ten seconds means no sixty."""
    upstream.script(hang())
    outcome = await call(client, terms(upstream, **{limit: BRIEF_SECONDS}))
    assert failure(outcome) is FailureKind.TIMEOUT_FIRST_BYTE
    assert isinstance(outcome, Failed)
    assert outcome.may_have_acted


async def test_a_slow_drip_ends_at_the_total_deadline(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(drip())
    outcome = await call(client, terms(upstream, total_seconds=BRIEF_SECONDS))
    assert failure(outcome) is FailureKind.TIMEOUT_TOTAL


async def test_after_a_timeout_the_connection_is_not_used_again(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(hang(), answer(b"second"))
    await call(client, terms(upstream, first_byte_seconds=BRIEF_SECONDS))
    outcome = await call(client, terms(upstream))
    assert isinstance(outcome, Answered)
    assert outcome.body == b"second"
    assert upstream.calls[1].connection == 2


@pytest.mark.parametrize("declared", [True, False])
async def test_an_answer_one_byte_over_its_limit_is_a_failure(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, declared: bool
) -> None:
    upstream.script(oversized(1000, declared=declared), oversized(1001, declared=declared))
    listing = terms(upstream, answer_bytes_max=1000)
    assert isinstance(await call(client, listing), Answered)
    assert failure(await call(client, listing)) is FailureKind.TOO_LARGE


@pytest.mark.parametrize("declared", [True, False])
async def test_an_answer_that_finds_no_room_ends_the_call(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, declared: bool
) -> None:
    """Others hold so much that a byte less than the answer is left."""
    upstream.script(oversized(1000, declared=declared))
    shares = Shares(2500)
    other = Share(shares, "other")
    assert other.draw(500)
    outcome = await call(client, terms(upstream), share=Share(shares, "listing"))
    assert isinstance(outcome, Answered)
    assert shares.held("listing") == 1000
    del outcome
    assert shares.held("listing") == 0

    assert other.draw(1001)
    outcome = await call(client, terms(upstream), share=Share(shares, "listing"))
    assert failure(outcome) is FailureKind.NO_ROOM
    assert isinstance(outcome, Failed)
    assert (outcome.is_ours, outcome.may_have_acted) == (True, True)
    assert shares.held("listing") == 0


@pytest.mark.parametrize("declared", [True, False])
async def test_a_gigabyte_answer_does_not_grow_the_process(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream, declared: bool
) -> None:
    upstream.script(oversized(1 << 30, declared=declared))
    before = _peak_bytes()
    assert failure(await call(client, terms(upstream))) is FailureKind.TOO_LARGE
    assert _peak_bytes() - before < 64 << 20


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def test_an_upstream_that_is_not_there_was_never_asked(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    listing = terms(upstream)
    upstream.stop()
    outcome = await call(client, listing)
    assert failure(outcome) is FailureKind.CONNECT
    assert isinstance(outcome, Failed)
    assert not outcome.may_have_acted


async def test_an_address_outside_the_rule_was_never_asked(upstream: ScriptedUpstream) -> None:
    async with open_client(EgressRule()) as strict:
        outcome = await call(strict, terms(upstream))
    assert failure(outcome) is FailureKind.REFUSED_BY_EGRESS
    assert isinstance(outcome, Failed)
    assert not outcome.may_have_acted
    assert upstream.connections == 0


async def test_an_upstream_that_does_not_finish_connecting_was_never_asked(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    # The scripted upstream speaks no TLS: it waits for the end of a request head.
    unencrypted = upstream.url.replace("http://", "https://")
    listing = terms(upstream, url_template=unencrypted, connect_seconds=0.05)
    outcome = await call(client, listing, query=[("asked", "in-private")])
    assert failure(outcome) is FailureKind.CONNECT
    assert isinstance(outcome, Failed)
    assert not outcome.may_have_acted
    assert "in-private" not in outcome.detail


async def test_a_certificate_nobody_vouches_for_is_refused(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    named: list[str | None] = []
    context = _self_signed(tmp_path)
    context.sni_callback = lambda _, name, __: named.append(name)
    encrypted = ScriptedUpstream(tls=context)
    encrypted.start()
    try:
        listing = terms(encrypted, url_template=f"https://localhost:{encrypted.port}/")
        outcome = await call(client, listing)
    finally:
        encrypted.stop()
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.may_have_acted) == (FailureKind.TLS, False)
    assert (named[0], encrypted.calls) == ("localhost", [])


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def test_a_caller_that_is_cancelled_leaves_nothing_open(
    client: aiohttp.ClientSession, upstream: ScriptedUpstream
) -> None:
    upstream.script(hang(), answer(b"next"))
    waiting = asyncio.create_task(call(client, terms(upstream)))
    await asyncio.to_thread(upstream.wait_for_calls, 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    outcome = await call(client, terms(upstream))
    assert isinstance(outcome, Answered)
    assert outcome.body == b"next"
