"""The sums of earnings equal the rows, whatever happened to the payments and to the counting."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from payments import earnings
from payments.database.pool import Pool, one, open_pool, rows
from payments.ids import new_id
from payments.models import Money, Work
from payments.x402.networks import checksum
from tests.fixtures.purchases import Purchases, sql_url
from tests.payments.earnings.rows import insist_equal

SELLERS = [new_id() for _ in range(2)]
LISTINGS = [new_id() for _ in range(3)]
PAYERS = [checksum(os.urandom(20)) for _ in range(3)]


async def sell(purchases: Purchases, dice: random.Random) -> UUID:
    return await purchases.claim(
        payer=dice.choice(PAYERS),
        amount_atomic=dice.choice((1, 2_000, 10**30)),
        purchase={"seller_id": dice.choice(SELLERS), "listing_id": dice.choice(LISTINGS)},
    )


async def something(purchases: Purchases, payment_id: UUID, dice: random.Random) -> None:
    """One thing that may happen to a payment as it stands."""
    held = await purchases.held(payment_id)
    moves: list[Callable[[UUID], Awaitable[None]]] = []
    if held.work == Work.OPEN:
        moves += [purchases.void, purchases.answer]
    if held.work == Work.ANSWERED and held.money == Money.NONE:
        moves += [purchases.settle, purchases.settle, purchases.fail]
    if held.work == Work.VOID and held.money == Money.NONE:
        moves += [purchases.settle, purchases.fail]
    if held.money == Money.SETTLED:
        moves += [purchases.confirm, purchases.uproot_settled]
    if held.money == Money.CONFIRMED:
        moves += [purchases.uproot]
    if moves:
        await dice.choice(moves)(payment_id)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_sums_equal_rows_after_random_sequences(purchases: Purchases, seed: int) -> None:
    dice = random.Random(seed)
    payments: list[UUID] = []
    for _ in range(6):
        for _ in range(14):
            if not payments or dice.random() < 0.25:
                payments.append(await sell(purchases, dice))
            else:
                await something(purchases, dice.choice(payments), dice)
        await asyncio.gather(*(earnings.count(purchases.pool) for _ in range(3)))
        await insist_equal(purchases.pool)


async def test_counting_twice_changes_nothing(purchases: Purchases) -> None:
    await purchases.final()
    assert await earnings.count(purchases.pool) == 1
    await one(purchases.pool, "update payments_stepmark set read_until='epoch' returning 1")
    assert await earnings.count(purchases.pool) == 0
    await insist_equal(purchases.pool)


async def test_a_step_that_is_committed_late_is_counted(purchases: Purchases) -> None:
    """It carries a time that others, committed before it, have passed long ago."""
    late = await purchases.claim()
    slow = await open_pool(sql_url(), size_max=1)
    async with slow.connection() as connection, connection.transaction():
        await connection.execute(
            "update payments_progress set work = 'answered', version = 2 where payment_id = %s",
            (late,),
        )
        await connection.execute(
            "insert into payments_step (payment_id, version, at, work, money, why, detail)"
            " values (%s, 2, clock_timestamp(), 'answered', 'none', 'answered', '{}')",
            (late,),
        )
        for _ in range(4):
            await purchases.final()
            await _much_later(purchases.pool)
            await earnings.count(purchases.pool)
    await slow.close()
    await earnings.count(purchases.pool)
    await insist_equal(purchases.pool)


async def _much_later(pool: Pool) -> None:
    """As if an hour had gone by since the steps and the last note of where the counting was."""
    await one(
        pool,
        "update payments_stepmark set noted_at = noted_at + interval '1 hour'"
        " where noted_at > 'epoch' returning 1",
    )


async def test_many_steps_are_read_a_page_at_a_time(
    purchases: Purchases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earnings, "STEPS_AT_ONCE", 3)
    for _ in range(4):
        await purchases.final()
    assert await earnings.count(purchases.pool) >= 4
    await insist_equal(purchases.pool)


async def test_sums_are_made_anew_from_the_rows(purchases: Purchases) -> None:
    for _ in range(3):
        await purchases.final(purchase={"seller_id": SELLERS[0]})
    await purchases.final(purchase={"seller_id": SELLERS[1]})
    await earnings.count(purchases.pool)
    await rows(purchases.pool, "update payments_earningsday set payments = 77 returning 1")
    sellers = await earnings.sellers_with_payments(purchases.pool)
    assert sorted(sellers) == sorted(SELLERS)
    for seller, payments in zip(SELLERS, (3, 1), strict=True):
        assert await earnings.count_anew(purchases.pool, seller) == payments
    await insist_equal(purchases.pool)


async def test_an_open_page_can_see_that_the_sums_changed(purchases: Purchases) -> None:
    payment_id = await purchases.claim(purchase={"seller_id": SELLERS[0]})
    await earnings.count(purchases.pool)
    before = await _version(purchases.pool)
    await purchases.answer(payment_id)
    await earnings.count(purchases.pool)
    assert await _version(purchases.pool) > before


async def _version(pool: Pool) -> int:
    row = await one(
        pool, "select version from payments_earningsversion where seller_id = %s", (SELLERS[0],)
    )
    assert row is not None
    return int(row[0])
