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
_EXACT_SECONDS = 120  # below, each second may count
_YEAR_SECONDS = 365 * 86_400


def ago(when: datetime, now: datetime) -> str:
    """Say the distance in one unit; beyond a month the date says more."""
    seconds = (now - when).total_seconds()
    distance = int(abs(seconds))
    if distance < _NOW_SECONDS:
        return "just now"
    for below, unit_seconds, unit in _STEPS:
        if distance < below:
            count = distance // unit_seconds
            words = _counted(count, unit)
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return f"{when.astimezone(UTC):%-d %b %Y}"


def lasting(seconds: float) -> str:
    """Say how long something goes on, in one unit; whole minutes of a promise stay exact."""
    whole = int(max(0, seconds))
    if whole < _EXACT_SECONDS:
        return _counted(whole, "second")
    for below, unit_seconds, unit in _STEPS[1:]:
        if whole < below:
            return _counted(whole // unit_seconds, unit)
    if whole < 2 * _YEAR_SECONDS:
        return _counted(whole // 86_400, "day")
    return _counted(whole // _YEAR_SECONDS, "year")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def exact(when: datetime) -> str:
    """The moment in the one time zone that every page uses."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
