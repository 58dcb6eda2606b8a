"""A line to PostgreSQL: how a dead one is noticed, though nobody says that it is dead.

A machine that vanishes, a firewall that forgets a connection, a server that stands still: nothing
comes any more, not even an end. The system itself gives up after a quarter of an hour where
something was sent, and after two hours where nothing was.
"""

from __future__ import annotations

import select
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

# libpq's own names, and seconds but for the last, in milliseconds. They end no statement, however
# long it takes: the other side's system answers for it.
_SIGNS_OF_LIFE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_LOOK_SECONDS: Final = 0.1  # psycopg's own
_NEWS_SECONDS: Final = 1.0

Result = TypeVar("Result")


def signs_of_life(conninfo: str = "") -> dict[str, int]:
    """How a connection is watched over, as far as its URL does not say so itself."""
    given = conninfo_to_dict(conninfo)
    return {name: value for name, value in _SIGNS_OF_LIFE.items() if name not in given}


class Line(psycopg.AsyncConnection[TupleRow]):
    """A connection that is given up when the database leaves a statement unanswered too long.

    The timer is the one with which psycopg waits anyway. What became of the statement is unknown,
    as with a line that was cut; the connection is closed, and serves nobody any more.
    """

    answer_seconds: float | None = None  # for as long as it takes
    when_silent: Callable[[], Awaitable[None]] | None = None

    async def wait(
        self,
        gen: PQGen[Result],
        interval: float = _LOOK_SECONDS,
        timeout: float | None = None,
    ) -> Result:
        try:
            return await super().wait(gen, interval, timeout or self.answer_seconds)
        except errors._WaitTimeout:
            if timeout is not None:
                raise
        if self._has_news():  # it was this process that stood still
            return await self._once_more(gen, interval)
        raise await self._given_up()

    async def _once_more(self, gen: PQGen[Result], interval: float) -> Result:
        try:
            return await super().wait(gen, interval, _NEWS_SECONDS)
        except (errors._WaitTimeout, TypeError):  # the latter: it was not done with sending
            raise await self._given_up() from None

    def _has_news(self) -> bool:
        look = select.poll()
        look.register(self.pgconn.socket, select.POLLIN)
        return bool(look.poll(0))

    async def _given_up(self) -> psycopg.OperationalError:
        self.pgconn.finish()
        if self.when_silent is not None:
            await self.when_silent()
        return psycopg.OperationalError("the database did not answer in time")


def as_line(connection: psycopg.AsyncConnection[Any]) -> Line:
    assert isinstance(connection, Line), "only pools lend connections"
    return connection
