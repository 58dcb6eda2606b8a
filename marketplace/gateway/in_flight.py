"""How many calls are being served right now, in all and for each listing."""

from __future__ import annotations

from collections import Counter


class InFlight:
    """Counts calls in and out; a listing that hangs cannot take every place."""

    def __init__(self, *, calls_max: int, listing_calls_max: int) -> None:
        self._calls_max = calls_max
        self._listing_calls_max = listing_calls_max
        self._calls = 0
        self._by_listing: Counter[str] = Counter()

    def enter(self, path: str) -> bool:
        """Take a place, or say that there is none."""
        if self._calls >= self._calls_max or self._by_listing[path] >= self._listing_calls_max:
            return False
        self._calls += 1
        self._by_listing[path] += 1
        return True

    def leave(self, path: str) -> None:
        """Give the place back."""
        self._calls -= 1
        self._by_listing[path] -= 1
        if not self._by_listing[path]:
            del self._by_listing[path]
