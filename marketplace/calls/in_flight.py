"""How many calls are being served right now, and how many bodies are still on their way in."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator


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


class NoPlace(Exception):
    """Every place is taken; nothing was begun."""


class Seat:
    """One call's place, which is taken once its body has arrived, where it brings one.

    Who sends a body slowly, or never, must not keep others from being served. Nothing that takes
    long is begun before the body is read.
    """

    def __init__(self, in_flight: InFlight, path: str) -> None:
        self._in_flight = in_flight
        self._path = path
        self._held = False

    def take(self) -> None:
        if not self._in_flight.enter(self._path):
            raise NoPlace
        self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._in_flight.leave(self._path)


class Arrivals:
    """The bodies that are on their way in, the oldest first.

    When there are too many, the one that is longest on its way makes room for the newest: an
    honest one takes milliseconds, and only those who dawdle are ever the oldest.
    """

    def __init__(self, *, bodies_max: int) -> None:
        self._bodies_max = bodies_max
        self._deadlines: dict[asyncio.Timeout, None] = {}

    @contextlib.asynccontextmanager
    async def one(self, seconds: float) -> AsyncIterator[None]:
        """Raises TimeoutError when it takes longer, or must make room."""
        async with asyncio.timeout(seconds) as deadline:
            if len(self._deadlines) >= self._bodies_max:
                oldest = next(iter(self._deadlines))
                del self._deadlines[oldest]
                oldest.reschedule(asyncio.get_running_loop().time())
            self._deadlines[deadline] = None
            try:
                yield
            finally:
                self._deadlines.pop(deadline, None)
