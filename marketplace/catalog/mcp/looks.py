"""Looks into the database from beside Django: few at a time, each on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")

AT_ONCE_MAX: Final = 4
WAITING_MAX: Final = 200


class TooManyLooks(Exception):
    """So many wait already that another one would only wait too long."""


class Looks:
    """Runs what Django's database functions do without holding up the calls of the process."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="mcp-look")
        self._waiting = 0

    async def __call__(self, look: Callable[..., T], *given: Any) -> T:
        if self._waiting >= WAITING_MAX:
            raise TooManyLooks
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, _closing, look, given)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def _closing(look: Callable[..., T], given: tuple[Any, ...]) -> T:
    close_old_connections()
    try:
        return look(*given)
    finally:
        connections.close_all()
