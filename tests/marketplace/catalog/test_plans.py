"""Every search of a large catalog finds its page by an index, and looks at few pages."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection

from marketplace.catalog import search
from marketplace.catalog.queries import parse
from sellers.market import goods
from sellers.market.trade import Trade, trade_of
from sellers.on_sale import entries
from tests.fixtures.storefront import Storefront
from tests.marketplace.catalog.crowd import LISTINGS, crowd
from tests.payments.plans.explaining import Plan, Plans, explaining_pages

# A page of twenty is looked up by keys: entry, listing, revision, its long texts, open offers.
PAGE_BUFFERS = 1_500
# The five hundred best of what a common word finds are compared.
COMMON_WORD_BUFFERS = 15_000
ASKED = {
    "": ("catalogentry_score", PAGE_BUFFERS),
    "sort=price": ("catalogentry_price", PAGE_BUFFERS),
    "sort=latency": ("catalogentry_latency", PAGE_BUFFERS),
    "sort=volume": ("catalogentry_volume", PAGE_BUFFERS),
    "sort=newest": ("catalogentry_newest", PAGE_BUFFERS),
    "category=travel": ("catalogentry_score", PAGE_BUFFERS),
    "tag=rare7": ("catalogentry_facets", PAGE_BUFFERS),
    "seller=crowd-7": ("catalogentry_facets", PAGE_BUFFERS),
    "network=eip155:84532&maxPrice=0.05": ("catalogentry_score", PAGE_BUFFERS),
    "maxPrice=0.001&sort=price": ("catalogentry_price", PAGE_BUFFERS),
    "q=uncommon7": ("catalogentry_search", PAGE_BUFFERS),
    "q=uncomm": ("", COMMON_WORD_BUFFERS),
    "q=weather": ("", COMMON_WORD_BUFFERS),
    "q=weather or forecast&category=data&maxPrice=0.02": ("", COMMON_WORD_BUFFERS),
    "q=get the deep weather forecast uncommon7 of a city": ("", COMMON_WORD_BUFFERS),
    "q=get the deep weather of a city&sort=price": ("", COMMON_WORD_BUFFERS),
}


# No other test's: what each of them rolled back under one path is looked at before it is vacuumed.
MODEL = "planned/weather"
MANY_CHANGES = """
    insert into sellers_catalogchange (version, listing_id, path, kind, revision, at)
    select 1000000 + n, %s, 'acme/weather', 'changed', 1, now() from generate_series(1, 9999) n
"""


@pytest.fixture
def plans(stall: Storefront) -> Iterator[Plans]:
    """What each of these searches did, on twenty thousand listings."""
    crowd(stall.publish(MODEL))
    seen = Plans()
    with connection.execute_wrapper(explaining_pages(seen)):
        yield seen


def page(plans: Plans) -> Plan:
    return plans.of(("sellers/market/goods.py", "read"))[-1]


def test_a_page_is_found_by_an_index_and_few_pages_are_looked_at(plans: Plans) -> None:
    assert search.count(parse([])[0], most=LISTINGS) == LISTINGS
    over = []
    for asked, (index, most) in ASKED.items():
        pairs = [tuple(pair.split("=", 1)) for pair in asked.split("&") if pair]
        query = parse(pairs)[0]  # type: ignore[arg-type]
        found = search.find(query)
        assert found.goods, asked
        plan = page(plans)
        if plan.buffers > most or (index and index not in plan.indexes) or plan.read_whole:
            over.append((asked, plan.buffers, sorted(plan.indexes), plan.read_whole))
        if not found.next_cursor:
            continue
        search.find(parse([*pairs, ("cursor", found.next_cursor)])[0])  # type: ignore[list-item]
        if page(plans).buffers > most:
            over.append((asked, "second page", page(plans).buffers, sorted(page(plans).indexes)))
    assert over == [], "\n".join(map(repr, over))


def test_one_good_and_a_seller_s_are_found_by_an_index(plans: Plans) -> None:
    assert goods.one(MODEL) is not None
    assert page(plans).buffers < 50
    assert trade_of(UUID(int=0)) == Trade()
    [kept] = plans.of(("sellers/market/trade.py", "trade_of"))
    assert kept.indexes == {"sellers_catalogtrade_pkey"}
    assert kept.buffers < 10
    assert len(goods.of_seller("crowd-7")) == LISTINGS // 1_000
    assert "catalogentry_seller" in page(plans).indexes
    assert len(goods.best(100)) == 100
    assert "catalogentry_score" in page(plans).indexes
    assert page(plans).buffers < 5 * PAGE_BUFFERS


def test_changes_are_found_by_an_index(stall: Storefront) -> None:
    listing = stall.publish("acme/weather")
    with connection.cursor() as cursor:
        cursor.execute(MANY_CHANGES, [listing.pk])
        cursor.execute("analyze sellers_catalogchange")
        cursor.execute("update sellers_shelfversion set version = 2000000")
    seen = Plans()
    with connection.execute_wrapper(explaining_pages(seen)):
        assert len(entries.changes(1_009_000, 100) or ()) == 100
        assert entries.oldest_kept() == 0
        assert len(entries.newest_changes(100)) == 100
    assert not any(plan.read_whole for plan in seen.seen)
    assert max(plan.buffers for plan in seen.seen) < 50
