"""The axis of a chart: round numbers that hold every value, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_TICKS_MAX = 5
_SHORT = tuple(
    (Decimal(10) ** zeros, letter) for zeros, letter in ((12, "T"), (9, "B"), (6, "M"), (3, "k"))
)


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values and the ticks in it, the highest first."""

    low: Decimal
    high: Decimal
    ticks: tuple[Decimal, ...]

    def share(self, value: Decimal) -> float:
        """How far up a value stands: 0 at the bottom, 1 at the top."""
        return float((value - self.low) / (self.high - self.low))


def scale(values: Iterable[Decimal], *, whole: bool = False) -> Scale:
    """A scale from zero that holds every value, those below zero too."""
    known = [Decimal(0), *values]
    lowest, highest = min(known), max(known)
    step = _step(lowest, highest)
    if whole:
        step = max(step, Decimal(1))
    low = (lowest / step).to_integral_value("ROUND_FLOOR") * step
    high = (highest / step).to_integral_value("ROUND_CEILING") * step
    if low == high:
        high = low + step
    count = int((high - low) / step)
    return Scale(low, high, tuple(high - step * place for place in range(count + 1)))


def _step(lowest: Decimal, highest: Decimal) -> Decimal:
    rough = (highest - lowest) / _TICKS_MAX
    if rough <= 0:
        return Decimal(1)
    unit = Decimal(10) ** rough.adjusted()
    return next(unit * step for step in _STEPS if unit * step >= rough)


def spell(value: Decimal, unit: str = "") -> str:
    """A tick in few letters: "$1.5k", "−20", "0.002"."""
    sign = "−" if value < 0 else ""
    return f"{sign}{unit}{_short(abs(value))}"


def _short(value: Decimal) -> str:
    for size, letter in _SHORT:
        if value >= size:
            return f"{_plain(value / size)}{letter}"
    return _plain(value)


def _plain(value: Decimal) -> str:
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
