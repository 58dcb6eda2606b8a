"""The log for programs: which request a line belongs to, and which payment."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextvars import copy_context
from typing import Any
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from marketplace.logs import JsonLine, note_request
from payments.at_hand import payment_at_hand

PAYMENT = "01a224c4-3eb5-7e2d-8eea-85e192c28f6b"


def told(message: str, *arguments: Any, error: Exception | None = None) -> dict[str, Any]:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("souk", logging.ERROR, "x.py", 1, message, arguments, info)
    return dict(json.loads(JsonLine().format(record)))


def in_a_request(do: Callable[[], Any], *headers: tuple[bytes, bytes]) -> Any:
    def run() -> Any:
        note_request({"type": "http", "headers": list(headers)})  # type: ignore[typeddict-item]
        return do()

    return copy_context().run(run)


def test_a_line_outside_of_requests_says_what_there_is() -> None:
    said = told("settled %s", 3)

    assert {**said, "time": "", "process": 0} == {
        "time": "", "level": "ERROR", "logger": "souk", "message": "settled 3", "process": 0,
    }  # fmt: skip
    assert said["time"].endswith("+00:00")


def test_an_error_is_told_within_its_line() -> None:
    assert "ValueError: odd\nthing" in told("failed", error=ValueError("odd\nthing"))["error"]


def test_what_one_request_says_has_one_number_and_another_has_another() -> None:
    first = in_a_request(lambda: [told("a")["request"], told("b")["request"]])
    second = in_a_request(lambda: told("a")["request"])

    assert first[0] == first[1] != second


@pytest.mark.parametrize(
    ("given", "hops", "is_taken"),
    [(b"0123456789abcdef", 1, True), (b"0123456789abcdef", 0, False), (b"odd \n id", 1, False)],
)
def test_only_the_number_of_a_proxy_of_ours_is_taken(
    settings: Settings, given: bytes, hops: int, is_taken: bool
) -> None:
    settings.PROXY_HOPS = hops

    said = in_a_request(lambda: told("a")["request"], (b"x-request-id", given))

    assert (said == given.decode()) == is_taken
    assert said


def test_a_line_names_the_payment_it_is_about_or_the_one_at_hand() -> None:
    def at_hand() -> dict[str, Any]:
        payment_at_hand.set(UUID(PAYMENT))
        return told("the upstream hung up")

    assert told("reorg: payment %s", PAYMENT)["payment"] == PAYMENT
    assert told("Not Found: /p/%s/answer", PAYMENT)["payment"] == PAYMENT
    assert copy_context().run(at_hand)["payment"] == PAYMENT
    assert "payment" not in told("nothing in particular")
