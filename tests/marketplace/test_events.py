"""Open pages hear what changed: at once, after a break, and only what they may see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from pytest_django.fixtures import Settings

from payments import earnings
from payments.database.pool import one
from payments.ids import new_id
from payments.live.open_pages import hub
from payments.live.wakeups import EARNINGS_COUNTED
from tests.fixtures.purchases import Purchases
from tests.fixtures.shop import Shop
from tests.fixtures.streams import PATIENCE_SECONDS, heard, listen


async def test_a_payment_that_moves_is_heard_of(market: Purchases) -> None:
    payment_id = await market.claim()
    messages = listen(AsyncClient(), f"?topics=payment:{payment_id}&seen=1.0")
    first = asyncio.create_task(heard(messages))
    await market.answer(payment_id)
    assert await first == {
        "event": "payment", "id": "2.0", "data": f"payment:{payment_id}",
    }  # fmt: skip
    await market.settle(payment_id)
    assert (await heard(messages))["id"].startswith("3.")
    await messages.aclose()  # type: ignore[attr-defined]


async def test_what_happened_in_a_break_is_told_first(market: Purchases) -> None:
    payment_id = await market.claim()
    await market.answer(payment_id)
    query = f"?topics=payment:{payment_id}&seen=2.0"
    messages = listen(AsyncClient(), query, Last_Event_ID="1.0")
    assert (await heard(messages))["id"] == "2.0"
    await messages.aclose()  # type: ignore[attr-defined]


async def test_a_sale_is_heard_of_by_its_seller(
    market: Purchases, open_shop: Callable[..., Shop]
) -> None:
    shop = await sync_to_async(open_shop)()
    client = AsyncClient()
    await client.aforce_login(shop.user)
    messages = listen(client, "?topics=earnings&seen=0")
    first = asyncio.create_task(heard(messages))
    await market.claim()  # somebody else's
    await earnings.count(market.pool)
    await market.claim(purchase={"seller_id": shop.listing.seller_id})
    await earnings.count(market.pool)
    await one(market.pool, "select 1 from pg_notify(%s, '')", (EARNINGS_COUNTED,))
    assert await first == {"event": "earnings", "id": "1", "data": "earnings"}
    await messages.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "query",
    [
        "", "?topics=earnings", "?topics=payment:7", "?topics=seller:x", "?topics=payment:",
        "?topics=earnings:", "?topics=look:7", "?topics=calls:", "?topics=document",
        "?topics=operator",
        "?topics=payment:0192f0c1-7d4c-7000-8000-00000000abcd",
    ],
)  # fmt: skip
async def test_nobody_hears_what_is_not_theirs(market: Purchases, query: str) -> None:
    client = AsyncClient()
    await client.aforce_login(await User.objects.acreate_user("visitor"))
    for asker in (AsyncClient(), client):
        assert (await asker.get(f"/events{query}")).status_code == 404
        assert (await asker.get(f"/events/poll{query}")).status_code == 404


async def test_one_payment_that_is_not_there_spoils_the_rest(market: Purchases) -> None:
    payment_id = await market.claim()
    for query, status in ((f"payment:{payment_id}", 200), (f"payment:{payment_id},payment:7", 404)):
        assert (await AsyncClient().get(f"/events/poll?topics={query}")).status_code == status
    query = f"payment:{payment_id},payment:{new_id()}"
    for path in ("/events", "/events/poll"):
        assert (await AsyncClient().get(f"{path}?topics={query}")).status_code == 404


async def test_one_network_has_so_many_streams_and_others_have_theirs(
    market: Purchases, settings: Settings
) -> None:
    settings.STREAMS_NETWORK_MAX, settings.PROXY_HOPS = 2, 1
    query = f"?topics=payment:{await market.claim()}&seen=1.0"

    async def come(address: str) -> Any:
        return await AsyncClient().get(f"/events{query}", headers={"X-Forwarded-For": address})

    taken = [aiter(await come(f"93.184.216.{each}")) for each in (1, 2)]
    assert [await anext(each) for each in taken] == [b": open\n\n"] * 2
    first, second = (asyncio.create_task(anext(each)) for each in taken)
    refused = await come("93.184.216.3")
    assert (refused.status_code, refused["HX-Reswap"]) == (503, "innerHTML")
    assert 'hx-trigger="every 5s"' in refused.content.decode()
    assert (await come("93.184.217.1")).status_code == 200
    first.cancel()
    await asyncio.wait([first])
    assert (await come("93.184.216.3")).status_code == 200
    second.cancel()
    await asyncio.wait([second])


async def test_a_page_too_many_asks_instead(market: Purchases, settings: Settings) -> None:
    settings.STREAMS_MAX = 1
    query = f"?topics=payment:{await market.claim()}&seen=1.0"
    messages = listen(AsyncClient(), query)
    waits = asyncio.create_task(anext(messages))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not hub().is_full(1):
            await asyncio.sleep(0)
    refused = await AsyncClient().get(f"/events{query}")
    assert refused.status_code == 503
    assert 'hx-trigger="every 5s"' in refused.content.decode()
    waits.cancel()
    await asyncio.wait([waits])
    assert not hub().is_full(1)


def test_asking_says_when_something_changed(make_purchase: Any) -> None:
    payment_id = make_purchase(lambda purchases: purchases.claim())
    query = f"/events/poll?topics=payment:{payment_id}&seen="
    assert Client().get(f"{query}1.0").status_code == 204
    told = Client().get(f"{query}0")
    assert told["HX-Trigger"] == "payment"
    assert "seen=1.0" in told.content.decode()
