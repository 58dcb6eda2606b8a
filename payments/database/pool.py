"""One pool of PostgreSQL connections for the plain SQL of the door and of the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from payments.database.arrays import PlainListDumper
from payments.database.line import Line, as_line, signs_of_life

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

# Nothing is known of what was asked. A server that has just lost its place to another one refuses
# to write, which is as good as being away.
AWAY: Final = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    TimeoutError,
)


LENT_SECONDS = 10.0  # so long one waits for a free connection
RECONNECT_SECONDS = 1.0
# The server gives a statement up by itself, which is an answer: that is waited for.
HEARD_SECONDS = 1.0
# Nothing is waited for inside a transaction but the database: whoever is silent there is gone, and
# the rows they hold are needed.
IDLE_IN_TRANSACTION_SECONDS = 30


class NotDurable(Exception):
    """The database may forget a commit; money is not moved on it."""


# Each waits until the commit is on this server's disk. Where a second server has to agree,
# `remote_write` is content when that one has the commit in its system's memory: it is lost only if
# this server's disk and that machine go at once. `local` asks no second server, so whoever takes
# over may know less than buyers were told; `off` forgets by itself.
DURABLE: Final = frozenset({"on", "remote_write", "remote_apply"})


async def open_pool(
    url: str,
    *,
    size_max: int,
    statement_ms_max: int = 0,
    answer_seconds: float = 0,
    is_idle: bool = False,
) -> Pool:
    """Connections in autocommit: a single statement is its own durable transaction.

    A statement that is not answered within `answer_seconds` is given up, and its connection with
    it; 0 is for statements that are meant to be long. What else lies idle is opened anew then: a
    line seldom dies alone.

    Where calls come seldom, a connection that lay idle while the database was started anew would
    fail the next of them. Such a pool asks each connection before it lends it, for a round trip.
    """
    pool: Pool = AsyncConnectionPool(
        url,
        connection_class=Line,
        min_size=1,
        max_size=size_max,
        timeout=LENT_SECONDS,
        open=False,
        kwargs={"autocommit": True, **signs_of_life(url)},
        configure=partial(
            _prepare,
            statement_ms_max=statement_ms_max,
            answer_seconds=answer_seconds,
            when_silent=lambda: pool.drain(),
        ),
        check=AsyncConnectionPool.check_connection if is_idle else None,
        reconnect_timeout=RECONNECT_SECONDS,
        reconnect_failed=_keep_trying(),
    )
    try:
        await pool.open()
        await _insist_on_durability(pool)
    except BaseException:  # a cancelled opener too: nobody else could close what it opened
        await pool.close()
        raise
    return pool


def _keep_trying() -> Callable[[Pool], Awaitable[None]]:
    """Try every second while the database is away, however long it is.

    The pool's own tries come twice as late each time: after a minute's outage it would not notice
    for another minute that the database is back. Given up on, it looks at the connections that lie
    idle, which are lost as well, and tries anew for each of them, or else for one.
    """
    looking: set[asyncio.Task[None]] = set()

    async def given_up(pool: Pool) -> None:
        task = asyncio.create_task(pool.check())
        looking.add(task)
        task.add_done_callback(looking.discard)

    return given_up


async def _prepare(
    connection: Connection,
    *,
    statement_ms_max: int,
    answer_seconds: float,
    when_silent: Callable[[], Awaitable[None]],
) -> None:
    """Have statements planned once, and for tables that have grown, whatever their size is now.

    A plan is kept with its prepared statement until the table is next analysed. One that was made
    while a table was nearly empty reads all of it each time, for as long as a minute of sales.
    Otherwise each connection plans a statement anew ten times before it keeps a plan, and what is
    asked once for a block, while buyers wait for it, took longer to plan than to do.
    """
    line = as_line(connection)
    line.when_silent = when_silent
    if answer_seconds:
        line.answer_seconds = answer_seconds + HEARD_SECONDS
    connection.adapters.register_dumper(list, PlainListDumper)
    connection.prepare_threshold = 0
    await connection.execute("set plan_cache_mode = force_generic_plan")
    await connection.execute("set enable_seqscan = off")
    if answer_seconds:
        limit_ms = IDLE_IN_TRANSACTION_SECONDS * 1_000
        await connection.execute(f"set idle_in_transaction_session_timeout = {limit_ms:d}")
    if statement_ms_max:
        await connection.execute(f"set statement_timeout = {statement_ms_max:d}")


# A server that the tests throw away says so itself.
_DURABILITY = """
    select current_setting('synchronous_commit'),
           current_setting('fsync') = 'on' or current_setting('souk.throwaway', true) = 'on'
"""


async def _insist_on_durability(pool: Pool) -> None:
    """Open nothing on a server that tells of a commit before it is on its disk.

    `DURABLE` has the words for that, and why `remote_write` is one of them.
    """
    row = await one(pool, _DURABILITY)
    assert row is not None
    if row[0] not in DURABLE:
        raise NotDurable(
            f"PostgreSQL runs with synchronous_commit={row[0]}; set it to on for this database."
        )
    if not row[1]:
        raise NotDurable("PostgreSQL runs with fsync=off; set it to on and start it anew.")


async def one(pool: Pool, query: str, values: Any = None) -> tuple[Any, ...] | None:
    async with pool.connection() as connection:
        cursor = await connection.execute(query, values)
        return await cursor.fetchone()


async def rows(pool: Pool, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(query, values)
        return await cursor.fetchall()
