"""What a report of sums looks at: whose, of which days, by which steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

FIRST_DAY: Final = date(2020, 1, 1)  # nothing was bought before there was anything to buy


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are looked at, both ends included, and the steps of the chart."""

    first: date
    last: date
    step: str = "day"  # or week, month

    def instants(self) -> tuple[datetime, datetime]:
        """Its first instant, and the first one after it."""
        return instants(self.first, self.last)

    def starts(self) -> list[date]:
        """The first day of every step, also of those in which nothing was sold."""
        found, day = [], self.start_of(self.first)
        while day <= self.last:
            found.append(day)
            day = self._after(day)
        return found

    def start_of(self, day: date) -> date:
        if self.step == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.step == "month" else day

    def _after(self, day: date) -> date:
        if self.step == "month":
            return (day + timedelta(days=32)).replace(day=1)
        return day + timedelta(days=7 if self.step == "week" else 1)


@dataclass(frozen=True, slots=True)
class Look:
    """Whose earnings, of which days, and of what if not of everything."""

    seller_id: UUID
    span: Span
    listing_id: UUID | None = None
    network: str = ""


def instants(first: date, last: date) -> tuple[datetime, datetime]:
    """The first instant of some days, and the first one after them."""
    end = last + timedelta(days=1)
    return datetime.combine(first, time(), UTC), datetime.combine(end, time(), UTC)


def read_day(text: str) -> date | None:
    """A day as an address names it; None for what is no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def nearest_day(day: date) -> date:
    """The same day, or the first or last of those that anything is kept of.

    A chart has a bar for every step of its span, and the day after the last is reckoned with.
    """
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return min(max(day, FIRST_DAY), tomorrow)
