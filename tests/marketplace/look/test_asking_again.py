"""What pages ask for by themselves: the newest of what was typed, and until there is an answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TAG = re.compile(r"<[a-z]+ [^<>]*hx-trigger=[^<>]*>")
WHILE_TYPING = re.compile(r'hx-trigger="[^"]*\b(input|change)\b')


@pytest.fixture(scope="module")
def asking(checkout: Path) -> dict[str, str]:
    """Every element that asks by itself, with the template it stands in."""
    found = {}
    for path in sorted((checkout / "templates").rglob("*.html")):
        for number, tag in enumerate(TAG.findall(path.read_text())):
            found[f"{path.relative_to(checkout)} {number}"] = tag
    assert len(found) > 10
    return found


def test_what_is_typed_during_a_request_is_not_dropped(asking: dict[str, str]) -> None:
    """Of what comes during a request htmx keeps the first and drops all later, unless told."""
    forms = {at: tag for at, tag in asking.items() if WHILE_TYPING.search(tag)}
    assert len(forms) >= 6
    assert [at for at, tag in forms.items() if "hx-sync=" not in tag] == []


def test_only_what_stands_in_for_a_stream_asks_without_being_told(asking: dict[str, str]) -> None:
    """A fault puts nothing in, and with it no element that would ask once more."""
    assert [at for at, tag in asking.items() if "load delay" in tag] == []
    asks = {at: tag for at, tag in asking.items() if re.search(r'hx-trigger="[^"]*\bevery\b', tag)}
    assert list(asks) == ["templates/poll.html 0"]
    assert [at for at, tag in asks.items() if 'hx-sync="drop"' not in tag] == []


def test_what_is_told_asks_once_more_after_a_fault(asking: dict[str, str]) -> None:
    """`when_told` says so; a trigger of its own would be told of nothing more."""
    assert sum("{% when_told " in tag for tag in asking.values()) >= 9
    assert [at for at, tag in asking.items() if "from:#" in tag] == []
