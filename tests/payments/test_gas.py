"""Gas is the operator's money: counted per seller and day, and capped."""

from __future__ import annotations

import os
from uuid import UUID

from payments import gas
from payments.chains import TransactionReceipt
from payments.ids import new_id
from payments.pool import one, rows
from tests.fixtures.purchases import NETWORK, Purchases


async def carry(purchases: Purchases, payments: list[UUID]) -> bytes:
    """Put these payments on one transaction of ours, as the settling does."""
    relayer = await one(
        purchases.pool,
        "insert into payments_relayer (network, address, next_nonce, stopped_why)"
        " values (%s, %s, 1, '') returning id",
        (NETWORK, f"0x{os.urandom(20).hex()}"),
    )
    assert relayer is not None
    transaction = os.urandom(32)
    await one(
        purchases.pool,
        "insert into payments_broadcast (id, relayer_id, nonce, variant, kind, transaction, raw,"
        " gas_limit, max_fee_wei, priority_fee_wei, created_at)"
        " values (%s, %s, 0, 0, 'batch', %s, '', 1, 1, 1, now()) returning 1",
        (new_id(), relayer[0], transaction),
    )
    await one(
        purchases.pool,
        "with put as (update payments_progress set relayer_id = %s, relayer_nonce = 0"
        " where payment_id = any(%s) returning 1) select count(*) from put",
        (relayer[0], payments),
    )
    return transaction


def receipt(transaction: bytes, gas_used: int) -> TransactionReceipt:
    return TransactionReceipt(transaction, 1, 10, os.urandom(32), (), gas_used, 10)


async def test_a_batch_is_shared_among_the_sellers_it_paid(purchases: Purchases) -> None:
    one_seller, other_seller = new_id(), new_id()
    payments = [
        await purchases.claim(purchase={"seller_id": seller})
        for seller in (one_seller, one_seller, other_seller)
    ]
    transaction = await carry(purchases, payments)
    async with purchases.pool.connection() as connection:
        await gas.attribute(connection, [receipt(transaction, 300)])

    found = await rows(
        purchases.pool, "select seller_id, gas_wei, payments from payments_gasuse", None
    )
    shares = {seller: (int(wei), count) for seller, wei, count in found}
    assert shares[one_seller] == (2_000, 2)
    assert shares[other_seller] == (1_000, 1)


async def test_a_seller_over_the_cap_is_named_and_one_below_it_is_not(
    purchases: Purchases,
) -> None:
    dear, cheap = new_id(), new_id()
    for seller, used in ((dear, 100), (cheap, 99)):
        payment = await purchases.claim(purchase={"seller_id": seller})
        transaction = await carry(purchases, [payment])
        async with purchases.pool.connection() as connection:
            await gas.attribute(connection, [receipt(transaction, used)])

    over = await gas.over_cap(purchases.pool, {NETWORK: 1_000})
    assert (NETWORK, dear) in over
    assert (NETWORK, cheap) not in over
    assert await gas.over_cap(purchases.pool, {NETWORK: 0}) == frozenset()
