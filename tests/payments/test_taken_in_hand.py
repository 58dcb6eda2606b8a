"""What one settler has taken up to be sent, no other takes, unless it is due anew."""

from __future__ import annotations

from uuid import UUID

from payments.acceptance.attempts import Reopening, reopen
from payments.database.pool import rows
from payments.settling import desk
from tests.fixtures.purchases import NETWORK, Purchases

MOST = 100_000


async def take(purchases: Purchases) -> set[UUID]:
    due = await desk.take_due(purchases.pool, NETWORK, most=MOST, most_tried=MOST)
    return {row.payment_id for row in due}


async def an_answered(purchases: Purchases) -> UUID:
    payment_id = await purchases.claim()
    await purchases.answer(payment_id)
    return payment_id


async def test_it_is_taken_once(purchases: Purchases) -> None:
    payment_id = await an_answered(purchases)
    assert payment_id in await take(purchases)
    assert payment_id not in await take(purchases)


async def test_nothing_to_send_waits_behind_what_was_not_charged(purchases: Purchases) -> None:
    voids = [await purchases.claim() for _ in range(3)]
    for payment_id in voids:
        await purchases.void(payment_id)
    payment_id = await an_answered(purchases)

    due = await desk.take_due(purchases.pool, NETWORK, most=1, most_tried=0)

    assert [row.payment_id for row in due] == [payment_id]
    taken = await desk.take_voids(purchases.pool, NETWORK, most=MOST)
    assert {row.payment_id for row in taken} >= set(voids)
    again = await desk.take_voids(purchases.pool, NETWORK, most=MOST)
    assert not {row.payment_id for row in again} & set(voids)


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


async def test_what_was_tried_has_a_share_of_its_own(purchases: Purchases) -> None:
    tried = [await an_answered(purchases) for _ in range(3)]
    await take(purchases)
    await desk.put_off(purchases.pool, tried, 0)
    fresh = [await an_answered(purchases) for _ in range(2)]

    due = await desk.take_due(purchases.pool, NETWORK, most=2, most_tried=1)

    assert {row.payment_id for row in due if not row.put_off} == set(fresh)
    assert len({row.payment_id for row in due if row.put_off} & set(tried)) == 1
    assert len(due) == 3


async def test_what_became_due_anew_meanwhile_is_not_put_off(purchases: Purchases) -> None:
    anew, as_it_was = [await an_answered(purchases) for _ in range(2)]
    await take(purchases)
    await desk.look_again(purchases.pool, [anew], 0)

    await desk.put_off(purchases.pool, [anew, as_it_was], 60)

    assert await put_off(purchases, anew, as_it_was) == [False, True]
    assert anew in await take(purchases)


async def test_what_something_came_of_is_fresh_again(purchases: Purchases) -> None:
    looked_at, left = [await an_answered(purchases) for _ in range(2)]
    again = await purchases.claim()
    await purchases.void(again)
    await desk.take_voids(purchases.pool, NETWORK, most=MOST)
    await take(purchases)
    await desk.put_off(purchases.pool, [again, looked_at, left], 0)

    reopened = await reopen(purchases.pool, await purchases.held(again), (), lease_seconds=10)
    await desk.look_again(purchases.pool, [looked_at], 0)

    assert reopened is Reopening.REOPENED
    assert await put_off(purchases, again, looked_at, left) == [False, False, True]


async def put_off(purchases: Purchases, *ids: UUID) -> list[bool]:
    found = await rows(
        purchases.pool,
        "select put_off from payments_progress join unnest(%s::uuid[]) with ordinality as t(id, n)"
        " on payment_id = id order by n",
        (list(ids),),
    )
    return [each for (each,) in found]
