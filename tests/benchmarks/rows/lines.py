"""How figures stand in a line of the table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tests.benchmarks.figures import short


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def absolute(ours: Sequence[float], theirs: Sequence[float], unit: str) -> str:
    return f"{short(median(ours))} ÷ {short(median(theirs))} {unit}"
