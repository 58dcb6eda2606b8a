"""What every operator's command does alike: one run at a time, a rehearsal, and words or JSON.

with alone("account"), rehearsed(dry=options["dry_run"]):
    ...
tell(self.stdout, document, words, as_json=options["json"])

One that only reads takes no lock; tests/architecture/test_manners.py names them all.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.db import connection, transaction

CONNECT_SECONDS: Final = 10
WAIT_SECONDS: Final = 0.5
RUNS_ALREADY: Final = 3  # the exit code of a run that found another one


@contextmanager
def alone(command: str, *, waits: bool = False) -> Iterator[psycopg.Connection[Any]]:
    """Keep a second run of a command away, or let it wait; the lock ends with its session,
    however that ends."""
    key = key_of(command)
    try:
        session = psycopg.connect(
            settings.DATABASE_DIRECT_URL,
            dbname=connection.settings_dict["NAME"],
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
        )
    except psycopg.OperationalError as error:
        raise CommandError(f"the database does not answer: {error}", returncode=2) from None
    with closing(session):  # psycopg's own block would roll back, in the middle of a statement too
        while not _is_mine(session, key):
            if waits:
                time.sleep(WAIT_SECONDS)
                continue
            raise CommandError(
                f"`{command}` runs on this database already; wait for it, or stop that one.",
                returncode=RUNS_ALREADY,
            )
        yield session
        with suppress(psycopg.Error):  # a server may learn too late that the session ended
            session.execute("select pg_advisory_unlock(%s)", (key,))


def key_of(command: str) -> int:
    """The advisory lock of a command."""
    return int.from_bytes(hashlib.sha256(f"souk {command}".encode()).digest()[:8], signed=True)


def _is_mine(session: psycopg.Connection[Any], key: int) -> bool:
    """Asked again and again, never waited for in SQL: an index that is made CONCURRENTLY waits
    for every statement that waits."""
    return session.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone() == (True,)


@contextmanager
def rehearsed(*, dry: bool) -> Iterator[None]:
    """Do it all in one transaction, which a dry run takes back: what it says is what would be."""
    with transaction.atomic():
        yield
        if dry:
            transaction.set_rollback(True)


def rehearses(parser: CommandParser) -> None:
    """Let a command be tried out."""
    parser.add_argument("--dry-run", action="store_true", help="only say what it would do")


def speaks_json(parser: CommandParser) -> None:
    """Let a command be asked for JSON."""
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def tell(out: OutputWrapper, document: Any, words: Iterable[str], *, as_json: bool) -> None:
    """Say what came of it, to a program or to a person."""
    if as_json:
        out.write(json.dumps(document, indent=2, ensure_ascii=False, default=str))
        return
    for line in words:
        out.write(line)
