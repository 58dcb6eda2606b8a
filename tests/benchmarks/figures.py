"""The arithmetic of the report: medians, ratios, percentiles, and how they are written."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds gave, from the least to the most."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        known = [value for value in values if not math.isnan(value)]
        if not known:
            raise ValueError("no round gave a figure")
        return cls(min(known), statistics.median(known), max(known))

    def __str__(self) -> str:
        return " – ".join(short(value) for value in (self.least, self.median, self.most))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round, so that a slow minute of the machine falls on both."""
    return [
        mine / other if other > 0 else math.nan for mine, other in zip(ours, theirs, strict=True)
    ]


def best(rates: Sequence[dict[str, float]]) -> str:
    """Whose median over the rounds is the highest."""
    names = {name for found in rates for name in found}
    return max(
        sorted(names),
        key=lambda name: statistics.median(found.get(name, 0.0) for found in rates),
    )


def median(values: Sequence[float]) -> float:
    """The median of the rounds that gave a figure; NaN, which reaches no goal, where none did."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The value that this share of all does not exceed (nearest rank)."""
    if not values:
        return math.nan
    rank = max(1, math.ceil(len(values) * per_cent / 100))
    return sorted(values)[rank - 1]


def short(value: float) -> str:
    """A figure as people read it: three significant digits, no exponent."""
    if math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.{digits}f}".replace(",", " ")
