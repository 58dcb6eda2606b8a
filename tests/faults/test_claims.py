"""The claim's one statement: at most one an identity, never above a cap, whoever comes together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import psycopg
import pytest

from payments import limits
from payments.acceptance import Claim, ClaimVerdict, claim_together
from payments.ids import new_id
from payments.pool import one, open_pool
from payments.signing import Signer
from tests.faults.invariants import check
from tests.faults.moves import ROOM_FOR, Play, open_play
from tests.fixtures.purchases import sql_url


@pytest.fixture
async def play(transactional_db: None, receipt_signer: Signer) -> AsyncIterator[Play]:
    pool = await open_pool(sql_url(), size_max=12)
    yield await open_play(pool, receipt_signer, seed=0)
    await pool.close()
    check(sql_url())


_WAITING = (
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and wait_event_type = 'Lock'"
)


async def at_the_same_time(play: Play, askers: Sequence[list[Claim]]) -> Counter[ClaimVerdict]:
    """Each claim has begun before any may go on: their counter is held until all wait for it."""
    await limits.make_room(play.pool, {play.cap.key})
    async with await psycopg.AsyncConnection.connect(sql_url()) as holder:
        await holder.execute("select from payments_cap where key = %s for update", (play.cap.key,))
        asking = [
            asyncio.create_task(claim_together(play.pool, members, lease_seconds=10))
            for members in askers
        ]
        while await one(play.pool, _WAITING) != (len(asking),):
            await asyncio.sleep(0.01)
    return Counter(verdict for each in await asyncio.gather(*asking) for verdict in each)


async def test_twins_in_one_statement_are_one_claim(play: Play) -> None:
    claim = play.new_claim()
    twins = [claim, replace(claim, payment_id=new_id())]

    verdicts = await claim_together(play.pool, twins, lease_seconds=10)

    assert verdicts == [ClaimVerdict.TAKEN, ClaimVerdict.OURS_ALREADY]


async def test_twins_in_two_processes_are_one_claim(play: Play) -> None:
    """Told what they are, and not that a cap is reached."""
    claim = play.new_claim()
    twins = [[replace(claim, payment_id=new_id())] for _ in range(4)]

    verdicts = await at_the_same_time(play, twins)

    assert verdicts == {ClaimVerdict.TAKEN: 1, ClaimVerdict.OURS_ALREADY: 3}


async def test_a_cap_admits_exactly_what_fits(play: Play) -> None:
    askers = [[play.new_claim() for _ in range(10)] for _ in range(10)]

    verdicts = await at_the_same_time(play, askers)

    assert verdicts == {
        ClaimVerdict.TAKEN: ROOM_FOR,
        ClaimVerdict.CAP_REACHED: 100 - ROOM_FOR,
    }


async def test_a_closed_offer_admits_nothing(play: Play) -> None:
    async with play.pool.connection() as connection:
        await connection.execute("update payments_openoffer set closed_at = clock_timestamp()")

    verdicts = await claim_together(play.pool, [play.new_claim()], lease_seconds=10)

    assert verdicts == [ClaimVerdict.OFFER_CLOSED]


async def test_a_counter_swept_while_claims_wait_for_it_still_admits_exactly_what_fits(
    play: Play,
) -> None:
    """They began when it was there, and come in when it is gone."""
    askers = [[play.new_claim() for _ in range(3)] for _ in range(10)]
    await limits.make_room(play.pool, {play.cap.key})
    async with await psycopg.AsyncConnection.connect(sql_url()) as broom:
        await broom.execute("delete from payments_cap where key = %s", (play.cap.key,))
        asking = [
            asyncio.create_task(claim_together(play.pool, members, lease_seconds=10))
            for members in askers
        ]
        while await one(play.pool, _WAITING) != (len(asking),):
            await asyncio.sleep(0.01)
    verdicts = Counter(verdict for each in await asyncio.gather(*asking) for verdict in each)

    assert verdicts == {
        ClaimVerdict.TAKEN: ROOM_FOR,
        ClaimVerdict.CAP_REACHED: 30 - ROOM_FOR,
    }
