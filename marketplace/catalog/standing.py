"""How a listing does, in words: a person reads them before any number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sellers.market.quality import Quality

WELL: Final = 0.99
MOSTLY: Final = 0.9
FRESH: Final = timedelta(days=7)  # a look older than this says nothing about now


@dataclass(frozen=True, slots=True)
class Standing:
    """One word for how it does, its tone, and the figures behind it."""

    word: str
    tone: str
    figures: tuple[str, ...]


def standing(quality: Quality, now: datetime) -> Standing:
    """What is known of a listing, the newest figures first."""
    success, days = _success(quality)
    figures = tuple(_figures(quality, success, days))
    if success is None:
        seen = quality.last_verified_at
        if seen is not None and now - seen < FRESH:
            return Standing("Works", "good", figures)
        return Standing("New", "neutral", figures)
    if success >= WELL:
        return Standing("Works", "good", figures)
    if success >= MOSTLY:
        return Standing("Mostly works", "waiting", figures)
    return Standing("Often fails", "bad", figures)


def percent(share: float) -> str:
    """A share as people read it; only all is 100 %."""
    said = f"{share * 100:.1f}".removesuffix(".0")
    return f"{'99.9' if said == '100' and share < 1 else said} %"


def milliseconds(time_ms: int) -> str:
    """A time as people read it."""
    return f"{time_ms} ms" if time_ms < 1_000 else f"{time_ms / 1_000:.1f} s"


def _success(quality: Quality) -> tuple[float | None, str]:
    for share, days in (
        (quality.success_24h, "24 h"),
        (quality.success_7d, "7 days"),
        (quality.success_30d, "30 days"),
    ):
        if share is not None:
            return share, days
    return None, ""


def _figures(quality: Quality, success: float | None, days: str) -> list[str]:
    said = []
    if success is not None:
        said.append(f"{percent(success)} answered in {days}")
    half = next(filter(None, (quality.p50_ms_24h, quality.p50_ms_7d, quality.p50_ms_30d)), None)
    if half is not None:
        said.append(milliseconds(half))
    if quality.calls_30d:
        calls = f"{quality.calls_30d:,} call{'' if quality.calls_30d == 1 else 's'}"
        said.append(f"{calls} in 30 days")
    return said
