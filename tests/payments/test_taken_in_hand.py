"""What one settler has taken up to be sent, no other takes, unless it is due anew."""

from __future__ import annotations

from uuid import UUID

from payments import desk
from payments.pool import rows
from tests.fixtures.purchases import NETWORK, Purchases

MOST = 100_000


async def take(purchases: Purchases) -> set[UUID]:
    return {row.payment_id for row in await desk.take_due(purchases.pool, NETWORK, most=MOST)}


async def an_answered(purchases: Purchases) -> UUID:
    payment_id = await purchases.claim()
    await purchases.answer(payment_id)
    return payment_id


async def test_it_is_taken_once(purchases: Purchases) -> None:
    payment_id = await an_answered(purchases)
    assert payment_id in await take(purchases)
    assert payment_id not in await take(purchases)


async def test_it_is_taken_again_when_it_is_due_anew(purchases: Purchases) -> None:
    payment_id = await an_answered(purchases)
    await take(purchases)
    await desk.look_again(purchases.pool, [payment_id], 0)
    assert payment_id in await take(purchases)


async def test_it_is_taken_again_when_whoever_had_it_did_nothing(purchases: Purchases) -> None:
    payment_id = await an_answered(purchases)
    await take(purchases)
    await rows(
        purchases.pool,
        "update payments_progress set taken_at = taken_at - make_interval(secs => %s),"
        " next_check_at = next_check_at - make_interval(secs => %s)"
        " where payment_id = %s returning 1",
        (desk.HAND_SECONDS, desk.HAND_SECONDS, payment_id),
    )
    assert payment_id in await take(purchases)
