"""Times on a page: how long ago in one unit, and exactly when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.template import Context, Template

from marketplace.look import marks
from marketplace.look.times import ago, exact, lasting

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (4, "just now"),
        (5, "5 seconds ago"),
        (60, "1 minute ago"),
        (3_599, "59 minutes ago"),
        (7_200, "2 hours ago"),
        (86_400, "1 day ago"),
        (40 * 86_400, "24 Jan 2026"),
        (-120, "in 2 minutes"),
    ],
)
def test_a_distance_is_said_in_one_unit(seconds: int, expected: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0 seconds"),
        (1.9, "1 second"),
        (119, "119 seconds"),
        (300, "5 minutes"),
        (7_199, "1 hour"),
        (86_400 * 9, "9 days"),
        (351_526_985, "11 years"),
    ],
)
def test_how_long_something_goes_on_is_said_in_one_unit(seconds: float, expected: str) -> None:
    assert lasting(seconds) == expected


def test_the_exact_time_is_in_one_zone() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))

    assert exact(there) == "2026-03-05 12:00:00 UTC"


def test_a_page_gets_both_and_what_never_was_is_never() -> None:
    template = Template("{% load souk %}{{ when|ago }} {{ when|moment }} {{ nothing|ago }}")
    page = template.render(Context({"when": NOW, "nothing": None}))

    assert page.count('datetime="2026-03-05T12:00:00+00:00"') == 2
    assert 'title="2026-03-05 12:00:00 UTC"' in page
    assert page.endswith(" never")


def test_a_row_reached_by_keyboard_shows_exactly_when(checkout: Path) -> None:
    """The title of a time is for a pointer alone, and a stop at every time would be a hundred."""
    style = (checkout / "static" / "souk.css").read_text().partition("@media print")[0]
    rule = re.search(
        r"(:is\([^)]*\)):has\(:focus-visible\) time\[title\]::after \{ (.*?) \}", style
    )
    assert rule is not None
    assert rule[1].startswith(":is(tr, li,")
    assert "content: attr(title)" in rule[2]
    assert f'title="{exact(NOW)}"' in marks.ago(NOW)
