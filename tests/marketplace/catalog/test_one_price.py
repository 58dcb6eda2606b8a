"""Catalog price = 402 price = charged price, whatever is edited meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from marketplace.calls.shelf import Shelved
from marketplace.calls.stock import Stock
from marketplace.catalog import search
from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.database.pool import open_pool
from payments.models import OpenOffer
from payments.x402.networks import DEFAULT_ASSETS
from sellers import listings, upstream_secrets
from sellers.market import goods
from sellers.models import Listing
from sellers.on_sale.listing_states import State
from sellers.prices import Ask
from sellers.refusals import ListingRefused
from sellers.reviews import judging
from sellers.site import this_site
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK, NOBODY_THERE, Storefront, settle

PATH = "acme/weather"
BASE = "eip155:8453"
MILLI = st.integers(min_value=1, max_value=99)
ACTIONS = st.one_of(
    st.tuples(st.just("approve"), MILLI, st.sampled_from((0, 300))),
    st.sampled_from([("pause",), ("resume",), ("suspend",), ("restore",), ("secret",)]),
)


def asked(milli: int) -> list[Ask]:
    return [Ask(f"0.{milli:03}", NETWORK, Cast.seller.address)]


def act(storefront: Storefront, listing: Listing, action: tuple[Any, ...]) -> None:
    name, *said = action
    does: dict[str, Callable[[], object]] = {
        "approve": lambda: storefront.revise(listing, prices=asked(said[0]), grace_seconds=said[1]),
        "pause": lambda: listings.pause(listing.pk),
        "resume": lambda: listings.resume(listing.pk),
        "suspend": lambda: judging.suspend(listing.pk, "a reason"),
        "restore": lambda: judging.restore(listing.pk),
        "secret": lambda: upstream_secrets.take_over(listing.pk, {"x-key": "sealed"}),
    }
    try:
        does[name]()
    except ListingRefused:
        return  # not in this state: nothing changed


async def at_the_door(url: str, storefront: Storefront) -> Any:
    """What the door would put on its shelf now."""
    pool = await open_pool(url, size_max=1)
    try:
        return (await Stock(pool, storefront.site).read(PATH))[1]
    finally:
        await pool.close()


def agree(url: str, storefront: Storefront) -> bool:
    """Everybody names the same price, or everybody says that nothing is for sale."""
    shelved = asyncio.run(at_the_door(url, storefront))
    good, found = goods.one(PATH), search.find(search.Query()).goods
    told = Client().get(f"/api/catalog/{PATH}")
    if not isinstance(shelved, Shelved):
        assert good is None
        assert found == ()
        assert told.status_code == 404
        return False
    assert good is not None
    assert good.offers == shelved.offers  # the same rows, the same amounts
    assert [one.offers for one in found] == [shelved.offers]
    assert good.revision_hash == shelved.revision_hash
    challenge = [each.to_wire() for each in shelved.challenge.accepts]
    prices = told.json()["prices"]
    assert [{name: price[name] for name in challenge[0]} for price in prices] == challenge
    for offer in shelved.offers:  # what a claim is joined with
        row = OpenOffer.objects.get(pk=offer.id)
        assert row.closed_at is None
        assert int(row.amount_atomic) == offer.requirements.amount_atomic
    return True


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(ACTIONS, max_size=6))
def test_catalog_door_and_claim_agree_after_every_sequence(
    storefront: Storefront, database_url: str, actions: list[tuple[Any, ...]]
) -> None:
    listing = Listing.objects.filter(slug="weather").first() or storefront.publish(PATH)
    for action in actions:
        act(storefront, listing, action)
    sold = agree(database_url, storefront)
    assert sold == (Listing.objects.get(pk=listing.pk).state == State.LIVE)


@pytest.mark.parametrize("order", [(NETWORK, BASE), (BASE, NETWORK)])
def test_equal_prices_stand_in_the_sellers_order_at_the_door_and_in_the_catalog(
    storefront: Storefront, database_url: str, settings: Settings, order: tuple[str, str]
) -> None:
    assets = [each.address for each in DEFAULT_ASSETS if each.network == BASE]
    chain = {**CHAIN_DEFAULTS, "RPC": [NOBODY_THERE], "ASSETS": assets}
    settings.CHAINS = {**settings.CHAINS, BASE: chain}
    settle(BASE)
    both = replace(storefront, site=this_site())
    both.publish(PATH, prices=[Ask("0.05", network, Cast.seller.address) for network in order])
    assert agree(database_url, both)
    told = Client().get(f"/api/catalog/{PATH}").json()["prices"]
    assert [price["network"] for price in told] == list(order)


def test_a_reader_never_sees_a_price_of_other_terms(storefront: Storefront) -> None:
    """One snapshot: the terms and the offers that are read belong together at every moment."""
    listing = storefront.publish(PATH, prices=asked(1))
    failed: list[BaseException] = []

    def edit() -> None:
        try:
            for milli in range(2, 42):
                storefront.revise(listing, prices=asked(milli), grace_seconds=300)
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            connections.close_all()

    editor = threading.Thread(target=edit)
    editor.start()
    seen = set()
    while editor.is_alive():
        for good in (goods.one(PATH), *search.find(search.Query(text="weather")).goods):
            assert good is not None
            [offer], [price] = good.offers, good.terms.prices
            assert offer.requirements.amount_atomic == price.amount_atomic
            seen.add(good.revision)
    editor.join()
    assert failed == []
    assert seen
    good = goods.one(PATH)
    assert good is not None
    assert good.offers[0].requirements.amount_atomic == 41_000
