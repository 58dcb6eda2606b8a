"""What a call costs: the price asked for once, before anything is measured."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.load import Target
from tests.benchmarks.waiting import Failed


def ask_price(target: Target) -> dict[str, Any]:
    """The challenge of an unpaid request."""
    header, _ = quote(target)
    document: dict[str, Any] = json.loads(base64.b64decode(header))
    return document


def quote(target: Target) -> tuple[bytes, bytes]:
    """The PAYMENT-REQUIRED header of an unpaid request, and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
    try:
        connection.request("GET", target.path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        words = response.read()
        header = response.getheader("PAYMENT-REQUIRED")
    finally:
        connection.close()
    if response.status != 402 or not header:
        raise Failed(f"{target.path} quotes no price: {response.status} {words[:300]!r}")
    return header.encode(), words


def why_refused(answers: Sequence[str]) -> str:
    """What the first of some refusals says of itself, in its PAYMENT-RESPONSE or at all."""
    first = answers[0] if answers else ""
    found = re.search(r"^payment-response: (\S+)", first, re.MULTILINE | re.IGNORECASE)
    try:
        said = json.loads(base64.b64decode(found[1] + "==")) if found else None
    except ValueError:  # a peer's header that is cut, or none of the kind
        said = None
    if not isinstance(said, dict):
        return " ".join(first.split())[:200]
    return " ".join(f"{said.get('errorReason')} {said.get('errorMessage', '')}".split())[:300]


def quotes(target: Target) -> bool:
    """Whether a call can be bought there now."""
    try:
        ask_price(target)
    except (Failed, OSError, http.client.HTTPException):
        return False
    return True
