"""The days that a report's address names, and the steps of its chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from payments.reports.looks import Span, nearest_day, read_day

PERIODS: Final = {
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "12m": "12 months",
    "year": "This year",
    "last-year": "Last year",
    "all": "All time",
}
STEPS: Final = {"day": "by day", "week": "by week", "month": "by month"}
STEP_LABELS: Final = {"day": "%-d %b", "week": "week of %-d %b", "month": "%b %Y"}
USUAL: Final = "30d"
_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
BARS_MAX: Final = {"day": 100, "week": 80, "month": 240}


def read_span(
    given: Mapping[str, str], earliest: date | None, usual: str = USUAL
) -> tuple[str, Span]:
    """The days that an address names; "all" begins with the first there is anything of.

    A time of one's own is as open as all time on each side that no day is given for.
    """
    today = datetime.now(UTC).date()
    period = given.get("period", usual)
    if period not in PERIODS and period != "custom":
        period = usual
    if period == "custom":
        span = _chosen(given, earliest or today, today)
    elif period == "12m":
        span = Span((today.replace(day=1) - timedelta(days=334)).replace(day=1), today, "month")
    elif period == "year":
        span = Span(date(today.year, 1, 1), today, "month")
    elif period == "last-year":
        span = Span(date(today.year - 1, 1, 1), date(today.year - 1, 12, 31), "month")
    elif period == "all":
        span = Span(earliest or today, today, "month")
    else:
        period = period if period in _DAYS else USUAL
        span = Span(today - timedelta(days=_DAYS[period] - 1), today)
    return period, _stepped(span, given.get("by", ""))


def _chosen(given: Mapping[str, str], earliest: date, today: date) -> Span:
    first, last = (_day(given.get(each, "")) for each in ("from", "to"))
    if first and last and first > last:
        first = last = None
    first = first or min(earliest, last or today)
    last = last or max(first, today)
    return Span(first, min(last, today) if first <= today else last)


def _stepped(span: Span, asked: str) -> Span:
    """As fine as was asked for and as a chart can show."""
    days = (span.last - span.first).days + 1
    usual = "day" if days <= BARS_MAX["day"] else "month"
    step = asked if asked in STEPS else (span.step if span.step != "day" else usual)
    lengths = {"day": 1, "week": 7, "month": 28}
    while days > BARS_MAX[step] * lengths[step] and step != "month":
        step = "week" if step == "day" else "month"
    first = _first_bar(span.last) if step == "month" else span.first
    return replace(span, first=max(span.first, first), step=step)


def _first_bar(last: date) -> date:
    """The first day of the earliest month of which a chart that ends here has a bar."""
    months = last.year * 12 + last.month - BARS_MAX["month"]
    return date(months // 12, months % 12 + 1, 1)


def _day(text: str) -> date | None:
    day = read_day(text)
    return nearest_day(day) if day else None
