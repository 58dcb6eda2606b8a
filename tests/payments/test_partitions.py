"""Steps by month, bodies by day: rows land where they belong, and a body's day comes to its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from payments import lookup, partitions
from payments.pool import one
from tests.fixtures.purchases import ANSWER, Purchases


@pytest.fixture
async def emptied(purchases: Purchases) -> Purchases:
    """Both tables as they are on the first day: no rows, and no partition but the default one."""
    async with purchases.pool.connection() as connection:
        await connection.execute("truncate payments_step, payments_answerbody")
        cursor = await connection.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent in"
            " ('payments_step'::regclass, 'payments_answerbody'::regclass)"
        )
        for (name,) in await cursor.fetchall():
            if not name.endswith("_rest"):
                await connection.execute(f"drop table {name}")
    return purchases


async def where(purchases: Purchases, table: str, payment: object) -> str:
    row = await one(
        purchases.pool,
        f"select tableoid::regclass::text from {table} where payment_id = %s limit 1",
        (payment,),
    )
    assert row is not None
    return str(row[0])


async def test_rows_go_to_the_partitions_that_were_made_ahead(emptied: Purchases) -> None:
    today = datetime.now(UTC).date()
    await partitions.make_ahead(emptied.pool, today)
    payment = await emptied.claim()
    await emptied.answer(payment)

    keep_until = today + timedelta(days=8)
    assert await where(emptied, "payments_step", payment) == f"payments_step_{today:%Y%m}"
    assert (
        await where(emptied, "payments_answerbody", payment)
        == f"payments_answerbody_{keep_until:%Y%m%d}"
    )


async def test_a_body_goes_when_its_days_are_over_and_its_facts_stay(emptied: Purchases) -> None:
    today = datetime.now(UTC).date()
    await partitions.make_ahead(emptied.pool, today)
    payment = await emptied.claim()
    await emptied.answer(payment)
    last_day = today + timedelta(days=8)

    await partitions.drop_expired_bodies(emptied.pool, last_day)
    kept = await lookup.stored_answer(emptied.pool, payment)
    await partitions.drop_expired_bodies(emptied.pool, last_day + timedelta(days=1))
    gone = await lookup.stored_answer(emptied.pool, payment)

    assert kept is not None
    assert kept.body == ANSWER
    assert gone is not None
    assert gone.body is None
    assert gone.body_hash == kept.body_hash
    assert gone.body_bytes == len(ANSWER)


async def test_rows_that_came_before_their_partition_are_kept_and_dropped_as_well(
    emptied: Purchases,
) -> None:
    today = datetime.now(UTC).date()
    payment = await emptied.claim()
    await emptied.answer(payment)

    await partitions.make_ahead(emptied.pool, today)
    assert (await lookup.stored_answer(emptied.pool, payment)).body == ANSWER  # type: ignore[union-attr]
    await partitions.drop_expired_bodies(emptied.pool, today + timedelta(days=60))
    assert (await lookup.stored_answer(emptied.pool, payment)).body is None  # type: ignore[union-attr]
