"""Ring and wait: a hint between processes, never the truth.

Whoever waits also looks by itself on a tick; a lost ring costs time, never money.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial

import psycopg
from django.db import Error, transaction
from django.db import connection as django_connection
from psycopg.conninfo import make_conninfo

from payments.database.line import signs_of_life
from payments.database.pool import Pool

COALESCE_SECONDS = 0.005  # at most one NOTIFY in so long per process and channel
RECONNECT_SECONDS = 1.0

WORK_TO_SETTLE = "souk_settle"  # an answer is stored; the settler may send
MONEY_MOVED = "souk_money"  # the settler moved something; a buyer may be waiting
EARNINGS_COUNTED = "souk_earned"  # sellers' sums have changed; a page may be open
WORK_WENT_ON = "souk_work"  # a job has come a step further; somebody may wait for it at a page

# A notice makes its transaction one that writes. Nobody waits for a hint to reach the disk.
_RING = """
    select pg_notify(%s, '')
      from (select set_config('synchronous_commit', 'off', true)) as unhurried
"""


class Bell:
    """Rings one channel, after the commit and never inside a durable transaction."""

    def __init__(self, pool: Pool, channel: str) -> None:
        self._pool = pool
        self._channel = channel
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        if self._ringing is not None:
            self._again = True
            return
        self._ringing = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        try:
            while True:
                self._again = False
                with contextlib.suppress(psycopg.Error, TimeoutError):
                    async with self._pool.connection() as connection:
                        await connection.execute(_RING, (self._channel,))
                await asyncio.sleep(COALESCE_SECONDS)
                if not self._again:
                    return
        finally:
            self._ringing = None


def ring_after_commit(channel: str) -> None:
    """The same for what Django writes; a ring that fails undoes nothing."""
    transaction.on_commit(partial(_ring_now, channel))


def _ring_now(channel: str) -> None:
    with contextlib.suppress(Error), django_connection.cursor() as cursor:
        cursor.execute(_RING, (channel,))


async def listen(direct_url: str, channels: tuple[str, ...], heard: Callable[[str], None]) -> None:
    """Tell `heard` of every ring, for ever, over a connection of its own.

    Transaction-mode poolers cannot LISTEN, hence the direct URL. While the connection is
    down nothing is heard, and everything still works on ticks.
    """
    while True:
        with contextlib.suppress(psycopg.Error, OSError):
            async for channel in _rings(direct_url, channels):
                heard(channel)
        await asyncio.sleep(RECONNECT_SECONDS)


async def _rings(direct_url: str, channels: tuple[str, ...]) -> AsyncIterator[str]:
    watched = make_conninfo(direct_url, **signs_of_life(direct_url))
    connection = await psycopg.AsyncConnection.connect(watched, autocommit=True)
    async with connection:
        for channel in channels:
            await connection.execute(f"listen {channel}")
            yield channel  # whatever rang while nobody listened
        async for notice in connection.notifies():
            yield notice.channel
