"""The claim's one statement: at most one an identity, never above a cap, whoever comes together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from payments.acceptance import ClaimVerdict, claim_together
from payments.ids import new_id
from payments.pool import open_pool
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


async def test_twins_in_one_statement_are_one_claim(play: Play) -> None:
    claim = play.new_claim()
    twins = [claim, replace(claim, payment_id=new_id())]

    verdicts = await claim_together(play.pool, twins, lease_seconds=10)

    assert verdicts == [ClaimVerdict.TAKEN, ClaimVerdict.OURS_ALREADY]


async def test_twins_in_two_processes_are_one_claim(play: Play) -> None:
    """Told what they are, and not that a cap is reached."""
    for _ in range(10):
        claim = play.new_claim()
        twins = [replace(claim, payment_id=new_id()) for _ in range(4)]
        together = await asyncio.gather(
            *(claim_together(play.pool, [twin], lease_seconds=10) for twin in twins)
        )
        verdicts = Counter(verdict for (verdict,) in together)
        assert verdicts == {ClaimVerdict.TAKEN: 1, ClaimVerdict.OURS_ALREADY: 3}


async def test_a_cap_admits_exactly_what_fits(play: Play) -> None:
    rounds = [[play.new_claim() for _ in range(5)] for _ in range(20)]

    found = await asyncio.gather(
        *(claim_together(play.pool, members, lease_seconds=10) for members in rounds)
    )

    verdicts = Counter(verdict for each in found for verdict in each)
    assert verdicts == {
        ClaimVerdict.TAKEN: ROOM_FOR,
        ClaimVerdict.CAP_REACHED: 100 - ROOM_FOR,
    }


async def test_a_closed_offer_admits_nothing(play: Play) -> None:
    async with play.pool.connection() as connection:
        await connection.execute("update payments_openoffer set closed_at = clock_timestamp()")

    verdicts = await claim_together(play.pool, [play.new_claim()], lease_seconds=10)

    assert verdicts == [ClaimVerdict.OFFER_CLOSED]
