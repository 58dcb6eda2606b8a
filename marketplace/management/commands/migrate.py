"""`manage.py migrate` while calls go on: nobody queues behind it for long, and it comes again.

A statement that waits for a whole table makes everybody else wait behind it. So it waits shortly
and gives up; what its migration had begun is undone, and tried again when the table is free.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import OperationalError, connections
from psycopg import errors
from psycopg.pq import TransactionStatus

from marketplace.management.manners import alone

LOCK_MILLISECONDS = 1_000
TRIES = 60
PAUSE_SECONDS = 1.0


class Command(Migrate):
    help = f"{Migrate.help} A statement waits a second for its table, and is tried again."

    def handle(self, *args: Any, **options: Any) -> None:
        with alone("migrate", waits=True):  # the one that comes second finds nothing left to do
            self._keep_trying(*args, **options)

    def _keep_trying(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        for _ in range(TRIES):
            try:
                with connection.execute_wrapper(wait_shortly):
                    super().handle(*args, **options)
            except OperationalError as refused:
                if not isinstance(refused.__cause__, errors.LockNotAvailable):
                    raise
                self.stderr.write("A table is in use; nothing is changed, and it is tried again.")
                connection.close()
                time.sleep(PAUSE_SECONDS)
                continue
            with connection.cursor() as cursor:
                cursor.execute("reset lock_timeout")
            return
        raise CommandError(
            f"A table was in use {TRIES} times. Somebody holds it in a long transaction, which"
            " pg_stat_activity shows; end that, and run this again: it goes on where it stopped."
        )


def wait_shortly(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Bound the wait of this statement. One that works CONCURRENTLY holds nobody up."""
    connection = context["connection"].connection
    if connection.info.transaction_status != TransactionStatus.INERROR:
        patient = "concurrently" in str(sql).lower()
        with connection.cursor() as setting:
            setting.execute(f"set lock_timeout = {0 if patient else LOCK_MILLISECONDS}")
    return execute(sql, params, many, context)
