"""Steps by month, bodies by day: rows land where they belong, and a body's day comes to its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from payments import lookup
from payments.cut_streams import bytes_of, cut_stream_of
from payments.database import partitions
from payments.database.pool import one
from tests.fixtures.purchases import ANSWER, Purchases


@pytest.fixture
async def emptied(purchases: Purchases) -> Purchases:
    """The tables as they are on the first day: no rows, and no partition but the default one."""
    async with purchases.pool.connection() as connection:
        await connection.execute("truncate payments_step, payments_answerbody, payments_streampart")
        cursor = await connection.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent in"
            " ('payments_step'::regclass, 'payments_answerbody'::regclass,"
            " 'payments_streampart'::regclass)"
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


async def passed(payment: UUID) -> bytes:
    cut = await sync_to_async(cut_stream_of)(payment)
    return await sync_to_async(bytes_of)(cut) if cut else b""


async def test_what_passed_of_a_stream_goes_with_its_day(emptied: Purchases) -> None:
    today = datetime.now(UTC).date()
    await partitions.make_ahead(emptied.pool, today)
    payment = await emptied.cut(b"one", b"two")
    last_day = today + timedelta(days=8)
    partition = f"payments_streampart_{last_day:%Y%m%d}"
    assert await where(emptied, "payments_streampart", payment) == partition

    assert partition not in await partitions.drop_expired_bodies(emptied.pool, last_day)
    assert await passed(payment) == b"onetwo"

    gone = await partitions.drop_expired_bodies(emptied.pool, last_day + timedelta(days=1))
    assert partition in gone
    assert await passed(payment) == b""


async def test_what_passed_before_its_partition_was_made_is_kept_and_dropped_as_well(
    emptied: Purchases,
) -> None:
    today = datetime.now(UTC).date()
    payment = await emptied.cut(b"one")
    assert await where(emptied, "payments_streampart", payment) == "payments_streampart_rest"

    await partitions.make_ahead(emptied.pool, today)
    assert await passed(payment) == b"one"
    await partitions.drop_expired_bodies(emptied.pool, today + timedelta(days=60))
    assert await passed(payment) == b""


async def test_all_parts_of_a_stream_go_on_one_day(emptied: Purchases) -> None:
    """Were it counted from each part, one that passes midnight lost its beginning first."""
    payment = await emptied.begin()
    async with emptied.pool.connection() as connection:
        await connection.execute("set session_replication_role = replica")  # its guard is away
        cursor = await connection.execute(
            "update payments_payment set created_at = created_at - interval '1 day' where id = %s"
            " returning (created_at at time zone 'utc')::date",
            (payment,),
        )
        (claimed_on,) = await cursor.fetchone() or (None,)
        await connection.execute("set session_replication_role = default")

    await emptied.pass_on(payment, b"one", b"two")

    cut = await sync_to_async(cut_stream_of)(payment)
    assert cut is not None
    assert cut.keep_until == claimed_on + timedelta(days=8)
    assert await passed(payment) == b"onetwo"
