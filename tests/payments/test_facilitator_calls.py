"""Calls to a facilitator: within limits, with its headers, and every accident has its meaning."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from payments.facilitators.calls import CallLimits, Facilitator, FacilitatorCalls
from payments.facilitators.submissions import Outcome
from tests.fixtures.upstream import (
    Behaviour,
    ScriptedUpstream,
    answer,
    chunked,
    cut,
    drip,
    hang,
    hang_up,
    oversized,
    raw,
    redirect,
)

NETWORK = "eip155:84532"
PAYER = "0x" + "11" * 20
HASH = "0x" + "ab" * 32
SETTLED = {"success": True, "transaction": HASH, "network": NETWORK, "payer": PAYER}
KIND = {"x402Version": 2, "scheme": "exact", "network": NETWORK}


@pytest.fixture
async def calls(upstream: ScriptedUpstream) -> AsyncIterator[FacilitatorCalls]:
    opened = open_calls(f"{upstream.url}/x402/")
    yield opened
    await opened.close()


def open_calls(url: str, seconds: float = 20, **how: Any) -> FacilitatorCalls:
    facilitator = Facilitator("first", url, how.pop("headers", {}), **how)
    return FacilitatorCalls(facilitator, CallLimits(seconds, seconds, 10_000))


def says(document: object, status: int = 200) -> Behaviour:
    return answer(json.dumps(document).encode(), status=status)


async def settle(calls: FacilitatorCalls) -> Any:
    return await calls.settle({"x402Version": 2}, NETWORK, PAYER)


async def test_a_settlement_is_one_post(
    upstream: ScriptedUpstream, calls: FacilitatorCalls
) -> None:
    upstream.script(says(SETTLED))

    settled = await settle(calls)

    assert (settled.outcome, settled.transaction) == (Outcome.SETTLED, bytes.fromhex(HASH[2:]))
    (call,) = upstream.calls
    assert (call.method, call.target) == ("POST", "/x402/settle")
    assert json.loads(call.body) == {"x402Version": 2}
    assert call.header("Content-Type") == "application/json"


MAY_HAVE_ACTED = {
    "an error": answer(b"<h1>no</h1>", status=500),
    "a bad gateway": answer(b"", status=502),
    "a full house": answer(b"", status=503),
    "nonsense": answer(b"{"),
    "another document": says({"isValid": True}),
    "another network": says({**SETTLED, "network": "eip155:1"}),
    "a closed connection": hang_up(),
    "half an answer": cut(),
    "no HTTP": raw(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "too much": oversized(100_000),
    "too much in pieces": chunked(*[b"x" * 1_000] * 20),
    "a redirect": redirect("http://127.0.0.1:1/settle"),
    "success under an error": says({**SETTLED, "transaction": ""}, status=500),
}


@pytest.mark.parametrize("behaviour", MAY_HAVE_ACTED.values(), ids=MAY_HAVE_ACTED)
async def test_what_cannot_be_read_leaves_it_open(
    upstream: ScriptedUpstream, calls: FacilitatorCalls, behaviour: Behaviour
) -> None:
    upstream.script(behaviour)

    settled = await settle(calls)

    assert (settled.outcome, settled.transaction) == (Outcome.UNKNOWN, None)
    assert settled.said
    assert len(upstream.calls) == 1, "nothing is followed or repeated"


@pytest.mark.parametrize("behaviour", [hang(), drip()], ids=["silent", "slow"])
async def test_what_takes_too_long_leaves_it_open(
    upstream: ScriptedUpstream, behaviour: Behaviour
) -> None:
    upstream.script(behaviour)
    calls = open_calls(upstream.url, 0.3)

    assert (await settle(calls)).outcome is Outcome.UNKNOWN

    upstream.release()
    await calls.close()


CERTAINLY_NOTHING = {
    "unauthorized": answer(b"", status=401),
    "forbidden": answer(b"<html>", status=403),
    "a wrong address": answer(b"", status=404),
    "a wrong method": answer(b"", status=405),
    "too many": answer(b"", status=429),
    "unknown kind": says({"success": False, "errorReason": "unsupported_scheme"}),
    "unknown kind, as an error": says(
        {"success": False, "errorReason": "invalid_network"}, status=400
    ),
}


@pytest.mark.parametrize("behaviour", CERTAINLY_NOTHING.values(), ids=CERTAINLY_NOTHING)
async def test_who_turns_us_away_did_nothing(
    upstream: ScriptedUpstream, calls: FacilitatorCalls, behaviour: Behaviour
) -> None:
    upstream.script(behaviour)
    assert (await settle(calls)).outcome is Outcome.UNSENT


async def test_a_word_under_a_door_status_is_a_word(
    upstream: ScriptedUpstream, calls: FacilitatorCalls
) -> None:
    upstream.script(says(SETTLED, status=403))
    assert (await settle(calls)).outcome is Outcome.SETTLED


async def test_nobody_at_home_did_nothing(upstream: ScriptedUpstream) -> None:
    url = upstream.url
    upstream.stop()
    calls = open_calls(url)
    assert (await settle(calls)).outcome is Outcome.UNSENT
    await calls.close()


async def test_no_tls_where_tls_was_expected_did_nothing(upstream: ScriptedUpstream) -> None:
    calls = open_calls(upstream.url.replace("http://", "https://"))
    assert (await settle(calls)).outcome is Outcome.UNSENT
    await calls.close()


async def test_each_path_gets_its_own_headers(upstream: ScriptedUpstream) -> None:
    headers = {"settle": {"Authorization": "Bearer one"}, "supported": {"X-Key": "two"}}
    calls = open_calls(upstream.url, headers=headers)

    await settle(calls)
    await calls.supported(NETWORK, "exact")

    post, get = upstream.calls
    assert (post.header("Authorization"), post.header("X-Key")) == ("Bearer one", None)
    assert (get.header("Authorization"), get.header("X-Key")) == (None, "two")
    await calls.close()


async def test_a_file_of_headers_is_read_again_when_it_changes(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    secret = tmp_path / "headers"
    calls = open_calls(upstream.url, headers_file=str(secret))

    assert (await settle(calls)).outcome is Outcome.UNSENT, "there is no file yet"
    for place, token in enumerate(("one", "two"), start=1):
        secret.write_text(json.dumps({"settle": {"Authorization": f"Bearer {token}"}}))
        os.utime(secret, (place, place))
        await settle(calls)
    secret.write_text("{")
    broken = await settle(calls)

    assert [each.header("Authorization") for each in upstream.calls] == ["Bearer one", "Bearer two"]
    assert broken.outcome is Outcome.UNSENT
    assert "two" not in broken.said
    await calls.close()


def test_its_headers_are_in_no_text() -> None:
    facilitator = Facilitator("first", "https://f.example", {"settle": {"X-Key": "secret"}})
    assert "secret" not in repr(facilitator)


@pytest.mark.parametrize(
    ("behaviour", "serves"),
    [
        (says({"kinds": [KIND]}), True),
        (says({"kinds": [{**KIND, "network": "eip155:1"}]}), False),
        (says({"kinds": []}), None),
        (answer(b"", status=429), None),
        (answer(b"", status=401), False),
        (answer(b"", status=503), False),
        (answer(b"[]"), False),
        (answer(b"{"), False),
        (hang_up(), False),
    ],
    ids=["yes", "no", "nothing", "busy", "turned away", "ill", "no list", "no JSON", "gone"],
)
async def test_it_is_asked_what_it_serves(
    upstream: ScriptedUpstream, calls: FacilitatorCalls, behaviour: Behaviour, serves: bool | None
) -> None:
    upstream.script(behaviour)

    service = await calls.supported(NETWORK, "exact")

    assert service.serves is serves
    assert service.said
    assert upstream.calls[0].target == "/x402/supported"
