"""Going on without the database, and saying so once for as long as that lasts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg

from payments.database.pool import AWAY

T = TypeVar("T")


async def through_an_outage(
    step: Callable[[], Awaitable[T]], *, tries: int, pause_seconds: float
) -> T:
    """What was done already is worth some waiting for the database; the last failure is raised."""
    for _ in range(tries - 1):
        with suppress(*AWAY):
            return await step()
        await asyncio.sleep(pause_seconds)
    return await step()


class Outage:
    """What fails in here is tried again by whoever looks now and then; `what` says who that is.

    More than an outage is passed over: a table that is not there yet comes with the next release's
    migration, and whoever had ended meanwhile would never look again.
    """

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._is_known = False

    @contextmanager
    def passed_over(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, TimeoutError) as error:
            if not self._is_known:
                self._log.warning("%s: %s; it is tried again", self._what, type(error).__name__)
            self._is_known = True
        else:
            self._is_known = False
