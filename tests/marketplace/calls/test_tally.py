"""Quotes are counted in memory and added up in the database."""

from __future__ import annotations

from marketplace.calls.tally import Tally
from payments.database.pool import rows
from payments.ids import new_id
from tests.fixtures.purchases import Purchases


async def test_flushes_add_up(purchases: Purchases) -> None:
    tally, listing = Tally(), new_id()
    for _ in range(2):
        tally.quoted(listing)
        tally.quoted(listing)
        await tally.flush(purchases.pool)
    await tally.flush(purchases.pool)

    query = "select sum(challenges) from payments_challengecount where listing_id = %s"
    assert await rows(purchases.pool, query, (listing,)) == [(4,)]
