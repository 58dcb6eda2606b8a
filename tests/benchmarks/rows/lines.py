"""How figures stand in a line of the table."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.figures import median, short


def absolute(ours: Sequence[float], theirs: Sequence[float], unit: str) -> str:
    return f"{short(median(ours))} ÷ {short(median(theirs))} {unit}"
