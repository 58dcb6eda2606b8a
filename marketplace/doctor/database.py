"""The database: reachable, new enough, durable, migrated, and able to ring."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from marketplace.doctor.findings import Finding, fail, ok, warn
from payments.database.pool import DURABLE

VERSION_MIN = 15
CONNECT_SECONDS = 5
RING_SECONDS = 3.0


def examine_database() -> Iterator[Finding]:
    """Nothing, past a database that does not answer: the rest would say the same again."""
    try:
        with psycopg.connect(
            settings.DATABASE_URL, autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as asking:
            yield from _server(asking)
            role = _role(asking)
            yield role
        yield from _migrations()
    except psycopg.Error as error:
        yield fail("database", f"it does not answer: {_words(error)}", "check DATABASE_URL")
        return
    yield from _direct_role(role)
    yield _listens()


def _server(asking: psycopg.Connection[tuple[Any, ...]]) -> Iterator[Finding]:
    row = asking.execute(
        "select current_setting('server_version_num'), current_setting('synchronous_commit'),"
        " current_setting('fsync'), current_setting('server_version')"
    ).fetchone()
    assert row is not None
    number, commit, fsync, version = row
    if int(number) < VERSION_MIN * 10_000:
        yield fail("database", f"PostgreSQL {version}", f"use PostgreSQL {VERSION_MIN} or newer")
    if commit not in DURABLE or fsync != "on":
        words = f"it may forget a commit: synchronous_commit={commit}, fsync={fsync}"
        yield fail("database", words, "set both to on; money is not moved without")
    else:
        yield ok("database", f"PostgreSQL {version}, durable")


_POWERS = """
    select r.rolname, r.rolsuper, array_remove(array[
               case when r.rolcreaterole then 'make other roles' end,
               case when r.rolreplication then 'copy the whole server' end,
               case when r.rolbypassrls then 'read past row security' end,
               case when pg_has_role(r.oid, 'pg_execute_server_program', 'member')
                    then 'run programs on the server' end,
               case when pg_has_role(r.oid, 'pg_write_server_files', 'member')
                    then 'write files on the server' end,
               case when pg_has_role(r.oid, 'pg_read_server_files', 'member')
                    then 'read files on the server' end], null)
      from pg_roles r where r.rolname = current_user
"""


def _role(asking: psycopg.Connection[tuple[Any, ...]]) -> Finding:
    """Whoever gets hold of the address gets no more than Souk's own database by it."""
    row = asking.execute(_POWERS).fetchone()
    assert row is not None
    name, is_super, powers = row
    if not is_super and not powers:
        return ok("database", f"the role {name} owns what is Souk's and rules nothing else")
    may = "is a superuser of PostgreSQL" if is_super else f"may {', '.join(powers)}"
    if settings.DEVELOPMENT:
        return ok("database", f"the role {name} {may}, as on a laptop it may")
    words = f"the role {name} {may}, which Souk never needs"
    return warn("database", words, "give Souk a role of its own: docs/operate.md, “PostgreSQL”")


def _direct_role(known: Finding) -> Iterator[Finding]:
    """Past a pooler Souk may sign in as somebody else; where nobody answers, `_listens` says so."""
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(
            settings.DATABASE_DIRECT_URL, autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as asking,
    ):
        found = _role(asking)
        if found != known:
            yield found


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        apply = partial(call_command, "migrate", verbosity=0)
        yield fail("migrations", f"{len(plan)} not applied", "`python3 manage.py migrate`", apply)
    else:
        yield ok("migrations", "all applied")


def _listens() -> Finding:
    """Rings itself: a pooler in transaction mode swallows LISTEN."""
    channel = f"souk_doctor_{uuid.uuid4().hex[:8]}"
    fix = "point DATABASE_DIRECT_URL at PostgreSQL itself, not at a pooler"
    try:
        with (
            psycopg.connect(
                settings.DATABASE_DIRECT_URL, autocommit=True, connect_timeout=CONNECT_SECONDS
            ) as ear,
            psycopg.connect(
                settings.DATABASE_URL, autocommit=True, connect_timeout=CONNECT_SECONDS
            ) as bell,
        ):
            ear.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            bell.execute("select pg_notify(%s, '')", [channel])
            heard = list(ear.notifies(timeout=RING_SECONDS, stop_after=1))
    except psycopg.Error as error:
        return fail("wake-ups", f"DATABASE_DIRECT_URL does not answer: {_words(error)}", fix)
    if not heard:
        return warn("wake-ups", "a ring is not heard: buyers wait for the next tick", fix)
    return ok("wake-ups", "a ring is heard")


def _words(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
