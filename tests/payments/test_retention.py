"""What is not kept for good goes in time, and what is in use stays."""

from __future__ import annotations

import os
from uuid import UUID

import pytest

from payments import lookup
from payments.acceptance.attempts import Reopening, reopen
from payments.database import retention
from payments.database.pool import one, rows
from payments.exposure import risk
from payments.exposure.exposure import CapLimit
from payments.ids import new_id
from tests.faults.invariants import caps_hold_what_is_at_risk, read_books
from tests.fixtures.purchases import NETWORK, Purchases, sql_url

LONG_AGO = "clock_timestamp() - interval '2 days'"


async def counters(purchases: Purchases) -> dict[str, int]:
    found = await rows(purchases.pool, "select key, used_atomic from payments_cap")
    return {key: int(used) for key, used in found}


async def rest(purchases: Purchases) -> None:
    """Two days pass without a claim."""
    await rows(purchases.pool, f"update payments_cap set used_at = {LONG_AGO} returning 1")


def a_cap() -> CapLimit:
    return CapLimit(f"payer:{new_id()}", 10_000)


async def voided(purchases: Purchases, cap: CapLimit) -> UUID:
    payment = await purchases.claim(caps=(cap,))
    await purchases.void(payment)
    return payment


async def test_a_counter_goes_when_nothing_was_at_risk_for_a_day(purchases: Purchases) -> None:
    idle, fresh, in_use = a_cap(), a_cap(), a_cap()
    await voided(purchases, idle)
    await purchases.claim(caps=(in_use,))
    await rest(purchases)
    await voided(purchases, fresh)

    gone = await retention.forget_idle_counters(purchases.pool)

    kept = await counters(purchases)
    assert (gone, idle.key in kept) == (1, False)
    assert (kept[fresh.key], kept[in_use.key]) == (0, 2_000)


async def test_the_broom_reaches_every_counter_in_small_steps(
    purchases: Purchases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 3)
    await risk.make_room(purchases.pool, {a_cap().key for _ in range(10)})
    await rest(purchases)

    assert await retention.forget_idle_counters(purchases.pool) == 10
    assert await counters(purchases) == {}


async def test_a_counter_that_somebody_holds_is_left_for_the_next_time(
    purchases: Purchases,
) -> None:
    cap = a_cap()
    await risk.make_room(purchases.pool, {cap.key})
    await rest(purchases)
    async with purchases.pool.connection() as holder, holder.transaction():
        await holder.execute("select from payments_cap where key = %s for update", (cap.key,))

        assert await retention.forget_idle_counters(purchases.pool) == 0

    assert await retention.forget_idle_counters(purchases.pool) == 1


async def test_a_swept_counter_is_made_again_by_the_next_claim(purchases: Purchases) -> None:
    """In the process that knew it: it does not go on believing that the row is there."""
    swept, standing = a_cap(), a_cap()
    await voided(purchases, swept)
    await rest(purchases)
    await risk.make_room(purchases.pool, {standing.key})
    assert await retention.forget_idle_counters(purchases.pool) == 1

    await purchases.claim(caps=(swept, standing))

    assert await counters(purchases) == {swept.key: 2_000, standing.key: 2_000}


async def test_a_payment_tried_again_is_counted_again(purchases: Purchases) -> None:
    cap = a_cap()
    payment = await voided(purchases, cap)
    await rest(purchases)
    assert await retention.forget_idle_counters(purchases.pool) == 1

    held = await purchases.held(payment)
    reopened = await reopen(purchases.pool, held, (cap,), lease_seconds=10)

    assert reopened is Reopening.REOPENED
    assert await counters(purchases) == {cap.key: 2_000}


async def test_a_payment_that_a_reorg_took_back_is_counted_again(purchases: Purchases) -> None:
    cap = a_cap()
    payment = await purchases.claim(caps=(cap,))
    await purchases.answer(payment)
    await purchases.settle(payment)
    before = (await purchases.held(payment)).standing.state
    await rows(purchases.pool, "delete from payments_cap returning 1")
    await purchases.uproot_settled(payment)

    held = await purchases.held(payment)
    async with purchases.pool.connection() as connection, connection.transaction():
        change = risk.Change(payment, before, held.standing.state)
        await risk.rebalance(connection, [change])

    assert await counters(purchases) == {cap.key: 2_000}
    caps_hold_what_is_at_risk(read_books(sql_url()))


async def test_counts_of_quotes_go_after_three_months(purchases: Purchases) -> None:
    listing = new_id()
    await rows(
        purchases.pool,
        "insert into payments_challengecount (listing_id, minute, challenges)"
        " select %s, clock_timestamp() - make_interval(days => d), 1"
        " from unnest(array[1, 89, 91, 400]) d returning 1",
        (listing,),
    )

    assert await retention.forget_counts(purchases.pool) == 2


async def test_gas_by_day_goes_after_a_year_and_a_month(purchases: Purchases) -> None:
    await rows(
        purchases.pool,
        "insert into payments_gasuse (network, seller_id, day, gas_wei, payments)"
        " select %s, %s, (now() at time zone 'utc')::date - d, 1, 1"
        " from unnest(array[0, 399, 401]) d returning 1",
        (NETWORK, new_id()),
    )

    assert await retention.forget_gas_use(purchases.pool) == 1


async def test_gas_that_was_spent_in_vain_goes_after_a_day(purchases: Purchases) -> None:
    payment_id = await purchases.claim()
    await rows(
        purchases.pool,
        "insert into payments_failedsend (payment_id, payer, at)"
        " select %s, '0x', clock_timestamp() - make_interval(hours => h)"
        " from unnest(array[1, 23, 25, 400]) h returning 1",
        (payment_id,),
    )

    assert await retention.forget_failed_sends(purchases.pool) == 2


async def test_used_sign_in_texts_go_though_nobody_signs_in(purchases: Purchases) -> None:
    await rows(
        purchases.pool,
        "insert into payments_usednonce (nonce, expires_at)"
        " select decode(md5(m::text), 'hex'), clock_timestamp() - make_interval(mins => m)"
        " from unnest(array[-5, 5, 61, 6000]) m returning 1",
    )

    assert await retention.forget_nonces(purchases.pool) == 2


async def test_sent_bytes_go_a_week_after_they_are_final_and_the_hash_stays(
    purchases: Purchases,
) -> None:
    row = await one(
        purchases.pool,
        "insert into payments_relayer (network, address, next_nonce, stopped_why)"
        " values (%s, 'relayer', 3, '') returning id",
        (NETWORK,),
    )
    assert row is not None
    for nonce, final in enumerate(("null", LONG_AGO, "clock_timestamp() - interval '8 days'")):
        await rows(
            purchases.pool,
            "insert into payments_broadcast (id, relayer_id, nonce, variant, kind, transaction,"
            " raw, gas_limit, max_fee_wei, priority_fee_wei, created_at, final_at) values"
            f" (%s, %s, %s, 0, 'single', %s, '\\x01', 1, 1, 1, clock_timestamp(), {final})"
            " returning 1",
            (new_id(), row[0], nonce, os.urandom(32)),
        )

    assert await retention.forget_sent_bytes(purchases.pool) == 1

    kept = await rows(
        purchases.pool,
        "select nonce, raw is not null, length(transaction) from payments_broadcast order by nonce",
    )
    assert kept == [(0, True, 32), (1, True, 32), (2, False, 32)]


async def test_facts_of_payments_are_nobodys_to_sweep(purchases: Purchases) -> None:
    payment = await purchases.final()
    await rest(purchases)

    await retention.forget(purchases.pool)

    held = await lookup.by_id(purchases.pool, payment)
    assert held is not None
    assert await lookup.stored_answer(purchases.pool, payment) is not None
    assert len(await purchases.receipts(payment)) == 1
