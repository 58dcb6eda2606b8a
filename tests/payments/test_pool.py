"""A pool leaves nothing behind, however its opening ends, and finds its database again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import psycopg
import pytest

from payments.pool import one, open_pool
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


async def test_a_calls_statement_that_takes_too_long_is_given_up(transactional_db: None) -> None:
    """And its connection serves the next."""
    pool = await open_pool(sql_url(), size_max=1, statement_ms_max=50)
    try:
        with pytest.raises(psycopg.errors.QueryCanceled):
            await one(pool, "select pg_sleep(60)")
        assert await one(pool, "select 1") == (1,)
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
    monkeypatch.setattr("payments.pool.RECONNECT_SECONDS", 0.01)
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
