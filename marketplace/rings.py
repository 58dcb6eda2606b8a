"""Rings that wait for a worker: each is a hint, so no more of them are kept than are soon heard."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler
from kombu import Connection
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

RINGS_MAX = 1_000  # of some minutes; in a day without workers Redis would be full of them


class Beat(PersistentScheduler):
    """Rings no more while nobody takes the rings; the next one does for all that were left out."""

    _is_heard = True

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        was_heard, self._is_heard = self._is_heard, self._has_room()
        if was_heard and not self._is_heard:
            log.warning("%s rings wait for a worker; none is added until it takes some", RINGS_MAX)
        if self._is_heard:
            super().apply_entry(entry, producer=producer)

    def _has_room(self) -> bool:
        try:
            return waiting(self.connection, self.app) < RINGS_MAX
        except errors(self.connection):
            return True  # to be found, and told of, by the ring itself


def make_room(app: Celery) -> None:
    """Throw away what no worker took for long: with Redis full of it, none can begin to listen."""
    with app.connection_for_write() as connection:
        try:
            if (many := waiting(connection, app)) > RINGS_MAX:
                _redis(connection).delete(app.conf.task_default_queue)
                log.warning("%s rings that no worker took are thrown away", many)
        except errors(connection):
            log.warning("the broker does not answer yet; payments settle all the same")


def waiting(connection: Connection, app: Celery) -> int:
    """How many rings nobody has taken; brokers other than Redis mind their own."""
    client = _redis(connection)
    return 0 if client is None else int(client.llen(app.conf.task_default_queue))


def _redis(connection: Connection) -> Any:
    """Redis itself: a full one refuses Celery's own commands, which stand in transactions."""
    return getattr(connection.default_channel, "client", None)


def errors(connection: Connection) -> tuple[type[BaseException], ...]:
    return (OperationalError, *connection.connection_errors, *connection.channel_errors)
