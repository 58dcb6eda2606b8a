"""A moment as a page says it: how long ago, and exactly when for whoever looks closer."""

from __future__ import annotations

from datetime import UTC, datetime

_STEPS = (
    (60, 1, "second"),
    (3_600, 60, "minute"),
    (86_400, 3_600, "hour"),
    (2_592_000, 86_400, "day"),
)
_NOW_SECONDS = 5


def ago(when: datetime, now: datetime) -> str:
    """Say the distance in one unit; beyond a month the date says more."""
    seconds = (now - when).total_seconds()
    distance = int(abs(seconds))
    if distance < _NOW_SECONDS:
        return "just now"
    for below, unit_seconds, unit in _STEPS:
        if distance < below:
            count = distance // unit_seconds
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return f"{when.astimezone(UTC):%-d %b %Y}"


def exact(when: datetime) -> str:
    """The moment in the one time zone that every page uses."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
