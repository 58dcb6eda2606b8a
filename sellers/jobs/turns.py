"""Turns at work that waits for sellers' endpoints: it takes some of a worker's threads, never all.

Whoever is turned away is made up for by a later ring: every row says when it is due.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_stopping = threading.Event()


class Turns:
    """So many at once in this process."""

    def __init__(self) -> None:
        self.most = 1
        self._taken = 0
        self._lock = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Whether there was room; it is given back in any case."""
        with self._lock:
            has_room = self._taken < self.most
            self._taken += has_room
        try:
            yield has_room
        finally:
            with self._lock:
                self._taken -= has_room


OUTSIDE = Turns()  # everything that waits for an endpoint
UNASKED = Turns()  # the part of it for which nobody waits at a page


def share(threads: int) -> None:
    """Half of a worker's threads may wait for endpoints, a quarter while nobody asked for it."""
    OUTSIDE.most, UNASKED.most = max(1, threads // 2), max(1, threads // 4)


def in_turn(*turns: Turns) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A task that is done if there is room for it, and left to a later ring if there is not."""

    def of(task: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(task)
        def take_turn(*given: Any) -> None:
            with ExitStack() as taken:
                if goes_on() and all(taken.enter_context(each.take()) for each in turns):
                    task(*given)

        return take_turn

    return of


def stop() -> None:
    """Begin nothing more of it, and wait for no message that is out, for the process ends."""
    _stopping.set()


def goes_on() -> bool:
    """Whether a long row of calls may go on to its next one."""
    return not _stopping.is_set()
