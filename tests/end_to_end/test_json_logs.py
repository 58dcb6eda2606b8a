"""With SOUK_LOG_FORMAT=json every line of a door is JSON, the web server's own among them."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.fixtures.ports import free_port
from tests.fixtures.stack import Stack, answers

STOP_SECONDS = 60


def lines_of(stack: Stack, **environment: str) -> list[str]:
    """What a door says from its start to its end, with a page asked for that is not there."""
    port = free_port()
    door = stack.start_web_as(port, **environment)
    try:
        stack.wait_until(lambda: answers(port), f"the door on {port}")
    finally:
        door.send_signal(signal.SIGTERM)
        door.wait(STOP_SECONDS)
    return (stack.folder / f"web-{port}.log").read_text(encoding="utf-8").splitlines()


def test_a_doors_whole_life_is_json(stack: Stack) -> None:
    said: list[dict[str, Any]] = list(map(json.loads, lines_of(stack, SOUK_LOG_FORMAT="json")))
    of_server = [each["message"] for each in said if each["logger"] == "_granian"]
    assert any(each.startswith("Starting granian") for each in of_server)
    assert any(each.startswith("Listening at") for each in of_server)
    assert any("shutdown completed" in each for each in of_server)
    assert {"time", "level", "logger", "message", "process"} <= set(said[0])


def test_plain_lines_look_alike(stack: Stack) -> None:
    """The format of the settings, whoever speaks."""
    said = lines_of(stack, SOUK_LOG_FORMAT="line")
    assert any(" INFO _granian Listening at" in each for each in said)
    with pytest.raises(json.JSONDecodeError):
        json.loads(said[0])
