"""The door behind the server it runs with: raw bytes in, hang-ups noticed, nothing let through."""

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.storefront import NETWORK, NOBODY_THERE, Storefront
from tests.fixtures.upstream import ScriptedUpstream
from tests.marketplace.gateway.server import ANSWER_SECONDS, Server, serving

PAID = "PAYMENT-SIGNATURE: e30="
WEATHER = "/call/acme/weather"


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door") / "heard"


@pytest.fixture(scope="module")
def hanging(heard: Path) -> Iterator[Server]:
    application = "tests.marketplace.gateway.hanging:application"
    with serving(application, {"HEARD": str(heard)}) as server:
        yield server


@pytest.fixture(autouse=True)
def forgotten(heard: Path) -> None:
    heard.write_text("")


def wait_for(heard: Path, *words: str) -> None:
    """Wait until exactly these words were heard."""
    give_up_at = time.monotonic() + ANSWER_SECONDS
    while (said := heard.read_text().split()) != list(words):
        assert time.monotonic() < give_up_at, said
        time.sleep(0.01)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def test_a_buyer_who_stays_is_served_and_counted_so(hanging: Server, heard: Path) -> None:
    answer = hanging.get("/call/acme/at-once/a%2Fb?x=%20y", PAID)
    assert status(answer) == 200
    assert body(answer) == b"GET a/b|x= y 0"
    wait_for(heard, "called-at-once", "delivered")


def test_a_buyer_who_hangs_up_is_noticed_while_the_call_goes_on(
    hanging: Server, heard: Path
) -> None:
    line = hanging.connect()
    line.sendall(f"GET /call/acme/until-gone HTTP/1.1\r\nHost: d\r\n{PAID}\r\n\r\n".encode())
    wait_for(heard, "called-until-gone")
    line.close()
    wait_for(heard, "called-until-gone", "gone", "lost")


def test_hanging_up_after_a_body_is_noticed_too(hanging: Server, heard: Path) -> None:
    line = hanging.connect()
    head = f"POST /call/acme/until-gone HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n{PAID}\r\n\r\n"
    line.sendall(head.encode() + b"{}")
    wait_for(heard, "called-until-gone")
    line.close()
    wait_for(heard, "called-until-gone", "gone", "lost")


def test_two_calls_on_one_connection_are_two_calls(hanging: Server, heard: Path) -> None:
    one = f"GET /call/acme/at-once HTTP/1.1\r\nHost: d\r\n{PAID}\r\n\r\n"
    last = one.replace("Host: d", "Host: d\r\nConnection: close")
    assert hanging.ask((one + last).encode()).count(b"HTTP/1.1 200") == 2
    wait_for(heard, *["called-at-once", "delivered"] * 2)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST %s HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET %s HTTP/1.1\r\nHost: d\r\nPAYMENT-SIGNATURE : e30=\r\n\r\n",
        b"GET %s HTTP/1.0\r\nPAYMENT-SIGNATURE: e30=\r\npayment-signature: e30=\r\n\r\n",
        b"GET %s HTTP/1.0\r\nPAYMENT_SIGNATURE: e30=\r\n\r\n",
        b"GET %s HTTP/1.0\r\nPAYMENT-SIGNATURE: e30=\r\nX-PAYMENT: e30=\r\n\r\n",
    ],
)
def test_what_can_be_read_two_ways_is_refused(
    hanging: Server, heard: Path, request_bytes: bytes
) -> None:
    assert status(hanging.ask(request_bytes % b"/call/acme/at-once")) == 400
    assert heard.read_text() == ""


def test_a_body_is_bounded_whatever_its_length_says(hanging: Server, heard: Path) -> None:
    chunked = b"%x\r\n%s\r\n" % (1_001, b"x" * 1_001)
    head = f"POST /call/acme/at-once HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n{PAID}"
    answer = hanging.ask(f"{head}\r\nConnection: close\r\n\r\n".encode() + chunked + b"0\r\n\r\n")
    assert status(answer) == 503  # this test's call does not know what to say to it
    assert heard.read_text() == ""


# The whole of Souk --------------------------------------------------------------------------------


def environment_of(storefront: Storefront, database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "DATABASE_DIRECT_URL": database_url,
        "CHAINS": json.dumps({NETWORK: {"RPC": [NOBODY_THERE]}}),
        "SOUK_EGRESS_ALLOW": f"127.0.0.0/8:{storefront.upstream.port}",
        "SOUK_DEBUG": "1",
    }


@pytest.fixture
def souk(storefront: Storefront, database_url: str) -> Iterator[Server]:
    """The application as it is run in production, on a market with one listing."""
    storefront.publish("acme/weather")
    with serving(
        "marketplace.asgi:application", environment_of(storefront, database_url)
    ) as server:
        yield server


def test_an_unpaid_request_is_quoted_over_the_wire(
    souk: Server, upstream: ScriptedUpstream
) -> None:
    head, _, document = souk.get(WEATHER).partition(b"\r\n\r\n")
    (value,) = [
        line.partition(b": ")[2]
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"payment-required:")
    ]
    assert status(head) == 402
    assert b64decode(value) == document
    quote = json.loads(document)

    for verb in ("POST", "PUT", "DELETE", "TRACE", "BREW"):
        again = souk.get(WEATHER, "Content-Length: 2", verb=verb, body=b"{}")
        assert (status(again), json.loads(body(again))) == (402, quote), verb

    asked = souk.get(WEATHER, verb="HEAD")
    assert (status(asked), body(asked)) == (402, b"")
    assert b"payment-required: " in asked

    # A proxy's spelling of the target: whose host it names changes nothing.
    absolute = souk.get(f"http://evil.example{WEATHER}")
    assert (status(absolute), json.loads(body(absolute))) == (402, quote)

    assert status(souk.get(f"{WEATHER}/")) == 404
    assert status(souk.get("/call/acme//weather")) == 404
    assert status(souk.get(f"{WEATHER}/%2e%2e/weather")) == 404
    assert status(souk.get("*", verb="OPTIONS")) == 404
    assert status(souk.get(WEATHER, verb="OPTIONS")) == 204

    refused = souk.get(WEATHER, "PAYMENT-SIGNATURE: ====")
    assert (status(refused), json.loads(body(refused))["error"]) == (
        400,
        "malformed_payment_header",
    )
    assert upstream.calls == []


@pytest.mark.parametrize(
    ("surface", "called", "health", "home"),
    [("all", 402, 200, 200), ("door", 402, 200, 404), ("site", 404, 200, 200)],
)
def test_a_process_may_be_the_door_or_the_site_or_both(
    storefront: Storefront, database_url: str, surface: str, called: int, health: int, home: int
) -> None:
    storefront.publish("acme/weather")
    environment = {**environment_of(storefront, database_url), "SOUK_SURFACE": surface}
    with serving("marketplace.asgi:application", environment) as server:
        assert status(server.get(WEATHER)) == called
        assert status(server.get("/healthz")) == health
        assert status(server.get("/")) == home
        assert status(server.get("/call")) == 404
