"""However moves interleave, versions have no gap, ledgers add up and caps hold what is out."""

from __future__ import annotations

from collections import Counter

import pytest

from payments.database.pool import open_pool, rows
from payments.receipts.signing import Signer
from tests.faults.invariants import check
from tests.faults.moves import open_play
from tests.fixtures.purchases import sql_url

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_books_add_up_whoever_is_first(
    transactional_db: None, receipt_signer: Signer, seed: int
) -> None:
    pool = await open_pool(sql_url(), size_max=6)
    try:
        play = await open_play(pool, receipt_signer, seed)
        await play.run()
        check(sql_url())
        seen = Counter(await rows(pool, "select work, money from payments_progress"))
        assert len(seen) > 2, f"this play went nowhere: {seen}"
    finally:
        await pool.close()
