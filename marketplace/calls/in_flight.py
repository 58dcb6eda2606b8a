"""The places of calls that are being served, and the bodies that are still on their way in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial

from marketplace.calls.shares import Shares


class NoPlace(Exception):
    """Every place is taken; nothing was begun."""


class Seat:
    """One call's place, which is taken once its body has arrived, where it brings one.

    Who sends a body slowly, or never, must not keep others from being served. Nothing that takes
    long is begun before the body is read.
    """

    def __init__(self, places: Shares, path: str) -> None:
        self._places = places
        self._path = path
        self._held = False

    def take(self) -> None:
        if not self._places.take(self._path):
            raise NoPlace
        self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._places.give_back(self._path)


class Arrivals:
    """The bodies that are on their way in, the oldest first.

    When there are too many, or too much of them, the one that is longest on its way makes room for
    the newest: an honest one takes milliseconds, and only those who dawdle are ever the oldest.
    """

    def __init__(self, *, bodies_max: int, bytes_max: int) -> None:
        self._bodies_max = bodies_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._arrived: dict[asyncio.Timeout, int] = {}  # how much of each

    @contextlib.asynccontextmanager
    async def one(self, seconds: float) -> AsyncIterator[Callable[[int], None]]:
        """What to tell of each piece. Raises TimeoutError if it takes longer, or must make room."""
        async with asyncio.timeout(seconds) as deadline:
            if len(self._arrived) >= self._bodies_max:
                self._give_up_oldest()
            self._arrived[deadline] = 0
            try:
                yield partial(self._grew, deadline)
            finally:
                self._bytes -= self._arrived.pop(deadline, 0)

    def _grew(self, deadline: asyncio.Timeout, size: int) -> None:
        if deadline in self._arrived:
            self._arrived[deadline] += size
            self._bytes += size
        while self._bytes > self._bytes_max:
            self._give_up_oldest()

    def _give_up_oldest(self) -> None:
        oldest = next(iter(self._arrived))
        self._bytes -= self._arrived.pop(oldest)
        oldest.reschedule(asyncio.get_running_loop().time())
