"""The connections to the database that each kind of process opens."""

from __future__ import annotations

from django.conf import settings

from payments.database.pool import Pool, open_pool


def direct_database_url() -> str:
    """Where LISTEN works: poolers in transaction mode cannot carry it."""
    return str(settings.DATABASE_DIRECT_URL)


async def open_main_pool() -> Pool:
    """The worker's connections for what takes as long as it takes, and those of commands."""
    return await open_pool(settings.DATABASE_URL, size_max=settings.DATABASE_POOL_MAX)


async def open_door_pool() -> Pool:
    """The door's connections: buyers wait for every statement."""
    answer_ms = int(settings.DATABASE_ANSWER_SECONDS * 1_000)
    return await open_pool(
        settings.DATABASE_URL,
        size_max=settings.DATABASE_POOL_MAX,
        statement_ms_max=min(filter(None, (settings.STATEMENT_MS_MAX, answer_ms)), default=0),
        answer_seconds=settings.DATABASE_ANSWER_SECONDS,
    )


async def open_settling_pool() -> Pool:
    """The settlers' connections: a look that hangs must not be their last."""
    return await open_pool(
        settings.DATABASE_URL,
        size_max=settings.DATABASE_POOL_MAX,
        statement_ms_max=int(settings.DATABASE_SETTLING_SECONDS * 1_000),
        answer_seconds=settings.DATABASE_SETTLING_SECONDS,
    )


async def open_site_pool(size_max: int) -> Pool:
    """Connections for the site's few pages that need the door's plain SQL."""
    return await open_pool(
        settings.DATABASE_URL,
        size_max=size_max,
        answer_seconds=settings.DATABASE_ANSWER_SECONDS,
        is_idle=True,
    )
