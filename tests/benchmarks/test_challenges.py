"""What a peer says when it refuses is repeated, whatever shape it has."""

from __future__ import annotations

import base64
import json

import pytest

from tests.benchmarks.challenges import why_refused

SAID = base64.b64encode(json.dumps({"errorReason": "nonce", "errorMessage": "used"}).encode())


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (SAID.decode(), "nonce used"),
        (SAID.decode().rstrip("="), "nonce used"),
        (SAID.decode()[:21], "HTTP/1.1 402"),
        ("no-base64!", "HTTP/1.1 402"),
        (base64.b64encode(b"[]").decode(), "HTTP/1.1 402"),
    ],
)
def test_a_refusal_is_read_as_far_as_it_goes(header: str, words: str) -> None:
    assert why_refused([f"HTTP/1.1 402\r\nPAYMENT-RESPONSE: {header}\r\n"]).startswith(words)


def test_no_refusal_is_none() -> None:
    assert why_refused([]) == ""
