"""A pool leaves nothing behind, however its opening ends, and finds its database again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from payments.database.pool import AWAY, NotDurable, Pool, one, open_pool
from tests.fixtures.purchases import sql_url
from tests.fixtures.tcp_proxy import TcpProxy

TRIES = 20  # the pool's own twentieth comes after days
TURNS = 12  # of the event loop, in which a cancelled opener may have come anywhere


@pytest.mark.parametrize("turns", range(TURNS))
async def test_an_opener_that_is_cancelled_closes_what_it_opened(
    transactional_db: None, turns: int
) -> None:
    before = asyncio.all_tasks()
    opening = asyncio.create_task(open_pool(sql_url(), size_max=2))
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    try:
        pool = await opening
    except asyncio.CancelledError:
        pass
    else:  # it was quicker
        await pool.close()
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("commit", ["off", "local"])
async def test_no_pool_is_opened_where_a_commit_may_be_forgotten(
    transactional_db: None, commit: str
) -> None:
    before = asyncio.all_tasks()
    url = make_conninfo(sql_url(), options=f"-c synchronous_commit={commit}")
    with pytest.raises(NotDurable, match=f"synchronous_commit={commit}; set it to on"):
        await open_pool(url, size_max=2)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("commit", ["on", "remote_write", "remote_apply"])
async def test_a_pool_is_opened_where_a_commit_waits_for_the_disk(
    transactional_db: None, commit: str
) -> None:
    url = make_conninfo(sql_url(), options=f"-c synchronous_commit={commit}")
    pool = await open_pool(url, size_max=1)
    try:
        assert await one(pool, "show synchronous_commit") == (commit,)
    finally:
        await pool.close()


async def test_no_pool_is_opened_without_fsync_but_on_a_server_to_be_thrown_away(
    transactional_db: None,
) -> None:
    """As the tests' own is, and says."""
    pool = await open_pool(sql_url(), size_max=1)
    try:
        assert await one(pool, "show fsync") == ("off",)
    finally:
        await pool.close()
    url = make_conninfo(sql_url(), options="-c souk.throwaway=off")
    with pytest.raises(NotDurable, match="fsync=off; set it to on"):
        await open_pool(url, size_max=1)


async def test_a_calls_statement_that_takes_too_long_is_given_up(transactional_db: None) -> None:
    """And its connection serves the next."""
    pool = await open_pool(sql_url(), size_max=1, statement_ms_max=1_000)  # the pool's own fit in
    try:
        with pytest.raises(psycopg.errors.QueryCanceled):
            await one(pool, "select pg_sleep(60)")
        assert await one(pool, "select 1") == (1,)
    finally:
        await pool.close()


async def test_a_server_that_may_not_write_any_more_is_away(transactional_db: None) -> None:
    """As the old one is after another took its place: nothing is known, and it is asked again."""
    pool = await open_pool(sql_url(), size_max=1)
    try:
        async with pool.connection() as connection:
            await connection.execute("set default_transaction_read_only = on")
        with pytest.raises(AWAY):
            await one(pool, "update payments_cap set used_atomic = 0 returning 1")
    finally:
        await pool.close()


async def test_an_idle_pool_lends_no_connection_that_the_database_has_ended(
    transactional_db: None, tcp_proxy_to: Callable[[str], TcpProxy]
) -> None:
    proxy = tcp_proxy_to(sql_url())
    pool = await open_pool(proxy.conninfo, size_max=2, is_idle=True)
    try:
        proxy.cut()
        proxy.pass_on()
        assert await one(pool, "select 1") == (1,)
    finally:
        await pool.close()


@pytest.mark.parametrize("idle", [1, 2])
async def test_a_database_that_was_away_for_long_is_found_at_once(
    transactional_db: None,
    tcp_proxy_to: Callable[[str], TcpProxy],
    monkeypatch: pytest.MonkeyPatch,
    idle: int,
) -> None:
    """Tries do not come further and further apart, and need nobody who asks."""
    monkeypatch.setattr("payments.database.pool.RECONNECT_SECONDS", 0.01)
    proxy = tcp_proxy_to(sql_url())
    pool = await open_pool(proxy.conninfo, size_max=idle)
    try:
        async with AsyncExitStack() as held:
            for _ in range(idle):
                await held.enter_async_context(pool.connection())
        proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            await one(pool, "select 1")
        async with asyncio.timeout(60):
            while pool.get_stats().get("connections_errors", 0) < TRIES:
                await asyncio.sleep(0.01)
        proxy.pass_on()
        assert await one(pool, "select 1") == (1,)
    finally:
        await pool.close()


@pytest.fixture
def proxy(
    transactional_db: None,
    tcp_proxy_to: Callable[[str], TcpProxy],
    monkeypatch: pytest.MonkeyPatch,
) -> TcpProxy:
    monkeypatch.setattr("payments.database.pool.HEARD_SECONDS", 0.0)
    return tcp_proxy_to(sql_url())


async def test_a_silent_line_is_given_up_and_the_next_one_serves(proxy: TcpProxy) -> None:
    """So are those that lay idle beside it: each would have to be found out anew."""
    pool = await open_pool(proxy.conninfo, size_max=3, answer_seconds=1)
    try:
        async with AsyncExitStack() as held:
            for _ in range(3):
                await held.enter_async_context(pool.connection())
        proxy.strand()
        async with asyncio.timeout(60):
            with pytest.raises(psycopg.OperationalError):
                await one(pool, "select 1")
            for _ in range(3):
                assert await one(pool, "select 1") == (1,)
    finally:
        await pool.close()


async def strand_before_the_commit(pool: Pool, proxy: TcpProxy) -> None:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("select 1")
        proxy.strand()


async def test_a_line_that_falls_silent_in_a_transaction_is_given_up(proxy: TcpProxy) -> None:
    pool = await open_pool(proxy.conninfo, size_max=1, answer_seconds=1)
    try:
        async with asyncio.timeout(60):
            with pytest.raises(psycopg.OperationalError):
                await strand_before_the_commit(pool, proxy)
            assert await one(pool, "select 1") == (1,)
    finally:
        await pool.close()


async def test_a_statement_is_waited_for_where_it_may_take_its_time(proxy: TcpProxy) -> None:
    patient = await open_pool(proxy.conninfo, size_max=1)
    hasty = await open_pool(proxy.conninfo, size_max=1, answer_seconds=0.2)
    try:
        assert await one(patient, "select 1 from pg_sleep(1)") == (1,)
        with pytest.raises(psycopg.OperationalError):
            await one(hasty, "select 1 from pg_sleep(1)")
    finally:
        await patient.close()
        await hasty.close()


async def test_who_stood_still_itself_hears_what_came_meanwhile(proxy: TcpProxy) -> None:
    pool = await open_pool(proxy.conninfo, size_max=1, answer_seconds=3)
    looking = await open_pool(sql_url(), size_max=1)
    query = "select 1 from pg_sleep(1)"
    seen = "select 1 from pg_stat_activity where query = %s and state = 'active'"
    try:
        asked = asyncio.create_task(one(pool, query))
        async with asyncio.timeout(60):
            while not (asked.done() or await one(looking, seen, (query,))):
                await asyncio.sleep(0)
        assert not asked.done()
        time.sleep(4)  # this process, and not the database
        assert await asked == (1,)
    finally:
        await pool.close()
        await looking.close()


async def test_a_session_that_forgets_its_transaction_loses_it(
    proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is cut off in one would hold its rows for hours."""
    monkeypatch.setattr("payments.database.pool.IDLE_IN_TRANSACTION_SECONDS", 1)
    pool = await open_pool(proxy.conninfo, size_max=1, answer_seconds=5)
    looking = await open_pool(sql_url(), size_max=1)
    try:
        async with pool.connection() as connection, asyncio.timeout(60):
            await connection.execute("begin")
            row = await (await connection.execute("select pg_backend_pid()")).fetchone()
            proxy.strand()
            while await one(looking, "select 1 from pg_stat_activity where pid = %s", row):
                await asyncio.sleep(0.05)
            await connection.close()
    finally:
        await pool.close()
        await looking.close()
