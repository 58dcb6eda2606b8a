"""A pool leaves nothing behind, however its opening ends."""

from __future__ import annotations

import asyncio

import pytest

from payments.pool import open_pool
from tests.fixtures.purchases import sql_url

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
