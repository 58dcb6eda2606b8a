"""Steps by month, what sellers sent by day: made ahead, and dropped when its day is over."""

from __future__ import annotations

import contextlib
import itertools
from datetime import date, timedelta

from psycopg import errors, sql

from payments.database.pool import Connection, Pool

MONTHS_AHEAD = 3
DAYS_AHEAD = 40  # the longest keep of a listing is 30 days
BY_DAY = ("payments_answerbody", "payments_streampart")
LOCK_MILLISECONDS = 500


def _months(today: date) -> list[tuple[date, date]]:
    starts = [
        date(today.year + (today.month - 1 + n) // 12, (today.month - 1 + n) % 12 + 1, 1)
        for n in range(MONTHS_AHEAD + 2)
    ]
    return list(itertools.pairwise(starts))


async def _make(connection: Connection, table: str, start: date, end: date, name: str) -> None:
    statement = "create table if not exists {} partition of {} for values from ({}) to ({})"
    # Rows that came before their partition stay in the default one, which serves them as well.
    with contextlib.suppress(errors.CheckViolation, errors.LockNotAvailable):
        await _patiently(
            connection,
            sql.SQL(statement).format(
                sql.Identifier(f"{table}_{name}"),
                sql.Identifier(table),
                sql.Literal(start.isoformat()),
                sql.Literal(end.isoformat()),
            ),
        )


async def _patiently(connection: Connection, statement: sql.Composed) -> None:
    """Calls queue behind whoever waits for a whole table: so it waits shortly, and comes again."""
    async with connection.transaction():
        await connection.execute(f"set local lock_timeout = '{LOCK_MILLISECONDS}ms'")
        await connection.execute(statement)


async def make_ahead(pool: Pool, today: date) -> None:
    async with pool.connection() as connection:
        for start, end in _months(today):
            await _make(connection, "payments_step", start, end, f"{start:%Y%m}")
        for day in (today + timedelta(days=n) for n in range(DAYS_AHEAD)):
            for table in BY_DAY:
                await _make(connection, table, day, day + timedelta(days=1), f"{day:%Y%m%d}")


async def drop_expired_bodies(pool: Pool, today: date) -> list[str]:
    """A body goes with its whole day; its hash, size and type stay in the answer's row."""
    async with pool.connection() as connection:
        return [name for table in BY_DAY for name in await _drop_expired(connection, table, today)]


async def _drop_expired(connection: Connection, table: str, today: date) -> list[str]:
    cursor = await connection.execute(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = %s::regclass",
        (table,),
    )
    names = [str(row[0]) for row in await cursor.fetchall()]
    last_days = {name: name.removeprefix(f"{table}_") for name in names}
    old = sorted(
        name for name, day in last_days.items() if day < f"{today:%Y%m%d}" and day != "rest"
    )
    gone = [name for name in old if await _drop(connection, name)]
    rest = sql.SQL("delete from {} where keep_until < %s").format(sql.Identifier(f"{table}_rest"))
    await connection.execute(rest, (today,))
    return gone


async def _drop(connection: Connection, name: str) -> bool:
    try:
        await _patiently(connection, sql.SQL("drop table {}").format(sql.Identifier(name)))
    except errors.LockNotAvailable:
        return False  # somebody reads answers just now; the next look takes it
    return True
