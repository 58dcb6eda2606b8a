"""What a door's breaker knows is said where sellers can read it, and taken back in time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from marketplace.calls.breaker import Breaker
from marketplace.calls.troubles import GOOD_FOR_SECONDS, SAY_AGAIN_SECONDS, Troubles
from sellers.health.breakers import forget_breakers, not_sold
from sellers.models import Breaker as Said
from sellers.models import Listing
from tests.fixtures.purchases import Purchases
from tests.fixtures.storefront import Storefront, in_thread


def door() -> tuple[Breaker, Troubles]:
    breaker = Breaker(failures_to_open=2, payers_to_open=3, pause_seconds=15)
    return breaker, Troubles(breaker)


def fail(breaker: Breaker, now: float, times: int = 2, listing: str = "acme/weather") -> None:
    for _ in range(times):
        breaker.failed(listing, "0xbuyer", now, "timeout", is_proven=True)


async def of(listing: Listing) -> object:
    return (await in_thread(not_sold, [listing.pk])).get(listing.pk)


@pytest.fixture
async def listing(storefront: Storefront) -> Listing:
    made: Listing = await in_thread(storefront.publish)
    return made


async def test_a_door_says_what_it_does_not_sell_until_it_does(
    listing: Listing, purchases: Purchases
) -> None:
    (breaker, troubles), now = door(), asyncio.get_running_loop().time()
    fail(breaker, now, 1)
    await troubles.tell(purchases.pool, now)
    assert await of(listing) is None
    fail(breaker, now, 1)
    await troubles.tell(purchases.pool, now)
    (shut,) = (await in_thread(not_sold, [listing.pk])).values()
    assert (shut.failures, shut.why, shut.doors) == (2, "Your endpoint took too long", 1)
    assert abs(shut.since - timezone.now()) < timedelta(minutes=1)
    assert shut.until - shut.since == timedelta(seconds=15)
    assert not shut.is_tried(shut.since)
    assert shut.is_tried(shut.until)
    breaker.succeeded("acme/weather")
    await troubles.tell(purchases.pool, now)
    assert await of(listing) is None


async def test_what_stays_is_said_again_before_it_runs_out(
    listing: Listing, purchases: Purchases
) -> None:
    assert SAY_AGAIN_SECONDS * 2 < GOOD_FOR_SECONDS
    (breaker, troubles), now = door(), asyncio.get_running_loop().time()
    fail(breaker, now)
    await troubles.tell(purchases.pool, now)
    run_out = Said.objects.all()
    await sync_to_async(run_out.update)(expires_at=timezone.now())
    assert await of(listing) is None, "a door that died is not believed"
    await troubles.tell(purchases.pool, now + 1)
    assert await of(listing) is None, "nothing is new"
    await troubles.tell(purchases.pool, now + SAY_AGAIN_SECONDS)
    assert await of(listing) is not None
    await sync_to_async(run_out.update)(expires_at=timezone.now())
    assert await in_thread(forget_breakers) == 1


async def test_doors_speak_for_themselves_alone(listing: Listing, purchases: Purchases) -> None:
    now = asyncio.get_running_loop().time()
    doors = [door(), door()]
    for times, (breaker, troubles) in enumerate(doors, start=2):
        fail(breaker, now, times)
        fail(breaker, now, listing="nobody/nothing")
        await troubles.tell(purchases.pool, now)
    (shut,) = (await in_thread(not_sold, [listing.pk])).values()
    assert (shut.doors, shut.failures) == (2, 3)
    await doors[0][1].take_back(purchases.pool)
    (shut,) = (await in_thread(not_sold, [listing.pk])).values()
    assert shut.doors == 1
    await doors[1][1].take_back(purchases.pool)
    assert await sync_to_async(Said.objects.count)() == 0
