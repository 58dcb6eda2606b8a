"""`migrate` beside calls: it gives way when a table is in use, and has its turn afterwards."""

from __future__ import annotations

import io
from typing import Any

import psycopg
import pytest
from django.core.management.base import CommandError
from django.db import connection

from marketplace.management.commands import migrate
from marketplace.management.commands.migrate import Command, Migrate

WHOLE_TABLE = "lock table payments_cap in access exclusive mode"


@pytest.fixture
def someone(transactional_db: None) -> Any:
    """A call that has a table in use."""
    own = connection.settings_dict
    with psycopg.connect(dbname=own["NAME"], host=own["HOST"], user=own["USER"]) as calling:
        calling.execute("select * from payments_cap")
        yield calling


@pytest.fixture
def migrating(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's part wants a whole table; ours does not wait long for it."""

    def wants_a_whole_table(self: Any, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute(WHOLE_TABLE)
            cursor.execute("commit")

    monkeypatch.setattr(Migrate, "handle", wants_a_whole_table)
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(migrate, "LOCK_MILLISECONDS", 20)


class Leaving(io.StringIO):
    """Where the command says that it gives way; hearing it, the call ends."""

    def __init__(self, call: psycopg.Connection[Any]) -> None:
        super().__init__()
        self.call = call

    def write(self, words: str) -> int:
        self.call.rollback()
        return super().write(words)


def test_it_gives_way_and_has_its_turn_when_the_table_is_free(
    someone: psycopg.Connection[Any], migrating: None
) -> None:
    said = Leaving(someone)
    Command(stderr=said).handle(database="default")
    assert said.getvalue().count("is tried again") == 1
    with connection.cursor() as cursor:
        cursor.execute("show lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_it_ends_with_what_to_do_when_the_table_never_is(
    someone: psycopg.Connection[Any], migrating: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TRIES", 2)
    with pytest.raises(CommandError, match="in use 2 times"):
        Command(stderr=io.StringIO()).handle(database="default")
    assert someone.execute("select 1").fetchone() == (1,)


def test_what_works_concurrently_may_wait(transactional_db: None) -> None:
    told: list[Any] = []

    def note(sql: str, *_: Any) -> None:
        with connection.connection.cursor() as cursor:
            told.append(cursor.execute("show lock_timeout").fetchone()[0])

    with connection.cursor() as cursor:
        cursor.execute("select 1")
    for sql in ("CREATE INDEX CONCURRENTLY a ON b (c)", "ALTER TABLE b DROP COLUMN c"):
        migrate.wait_shortly(note, sql, None, False, {"connection": connection})
    with connection.cursor() as cursor:
        cursor.execute("reset lock_timeout")
    assert told == ["0", "1s"]
