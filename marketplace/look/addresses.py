"""An address as a page shows it: short, and with a small pattern by which eyes know it again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

SIDE = 5
TINTS = 6
_HALF = (SIDE + 1) // 2
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{20,}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """The filled cells of a square that mirrors itself, and which tint they have."""

    cells: tuple[tuple[int, int], ...]
    tint: int

    @property
    def path(self) -> str:
        """All cells as one shape: a list of addresses is drawn many times over."""
        return "".join(f"M{x} {y}h1v1h-1z" for x, y in self.cells)


def short(value: str) -> str:
    """Shorten what is long and hexadecimal, "0x1234…abcd"; leave everything else as it is."""
    return f"{value[:6]}…{value[-4:]}" if _HEXADECIMAL.fullmatch(value) else value


def pattern(value: str) -> Pattern:
    """The same pattern for the same address, however its letters are written."""
    digest = sha256(value.lower().encode()).digest()
    cells = []
    for row in range(SIDE):
        for column in range(_HALF):
            if digest[row * _HALF + column] % 2:
                cells += sorted({(column, row), (SIDE - 1 - column, row)})
    return Pattern(tuple(cells), digest[-1] % TINTS)
