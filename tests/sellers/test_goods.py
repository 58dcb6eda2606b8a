"""What is for sale, as everybody reads it: the same as the door sells, at the door's price."""

from __future__ import annotations

import pytest

from sellers import listings
from sellers.market import goods
from sellers.market.quality import Quality
from sellers.models import CatalogChange, CatalogEntry, Seller
from sellers.prices import Ask
from sellers.profile import profiles
from sellers.profile.profiles import Profile
from sellers.reviews import judging
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK


@pytest.fixture
def dearer():
    return [Ask("0.02", NETWORK, Cast.seller.address)]


def changes():
    return list(CatalogChange.objects.order_by("version").values_list("path", "kind", "revision"))


def test_a_good_holds_what_is_sold_and_what_it_costs(stall):
    listing = stall.publish("acme/weather", category="data", tags=["Weather"])
    good = goods.one("acme/weather")
    assert good is not None
    assert (good.listing_id, good.revision) == (listing.pk, 1)
    assert good.revision_hash == good.terms.content_hash()
    assert (good.seller_slug, good.category, good.quality) == ("acme", "data", Quality())
    assert good.url.endswith("/call/acme/weather")
    assert [offer.requirements.amount_atomic for offer in good.offers] == [10_000]


def test_a_new_price_is_the_good_s_at_once_and_an_older_one_in_its_grace_is_not(stall, dearer):
    listing = stall.publish()
    stall.revise(listing, prices=dearer, grace_seconds=300)
    good = goods.one("acme/weather")
    assert [offer.requirements.amount_atomic for offer in good.offers] == [20_000]
    stall.revise(listing, grace_seconds=300)  # back, while its old offer is still in grace
    good = goods.one("acme/weather")
    assert [offer.requirements.amount_atomic for offer in good.offers] == [10_000]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda listing: listings.pause(listing.pk), "paused"),
        (lambda listing: judging.suspend(listing.pk, "spam"), "removed"),
        (lambda listing: listings.retire(listing.pk), "removed"),
    ],
)
def test_what_is_not_sold_any_more_is_no_good(stall, act, kind):
    listing = stall.publish()
    stall.publish("acme/tides")
    act(listing)
    assert goods.one("acme/weather") is None
    assert [good.path for good in goods.of_seller("acme")] == ["acme/tides"]
    assert [good.path for good in goods.best(10)] == ["acme/tides"]
    assert changes()[-1] == ("acme/weather", kind, 1)


def test_drafts_are_nobody_s_to_see(stall):
    listing = stall.publish()
    listings.propose(listing.pk, goods.one("acme/weather").terms.__class__.from_json(
        {**listing.live_revision.terms, "title": "Something else"}))  # fmt: skip
    assert goods.one("acme/weather").terms.title == "City weather"
    assert [row[1] for row in changes()] == ["created"]


def test_every_change_that_can_be_seen_is_told_in_order(stall, dearer):
    listing = stall.publish()
    stall.revise(listing, prices=dearer)
    stall.revise(listing, prices=dearer, title="Weather of cities")
    before = goods.version()
    listings.pause(listing.pk)
    assert goods.version() > before
    listings.resume(listing.pk)
    listings.retire(listing.pk)
    kinds = ["created", "price_changed", "changed", "paused", "created", "removed"]
    assert [row[1] for row in changes()] == kinds
    assert CatalogChange.objects.latest("version").version == goods.version()


def test_a_seller_s_new_name_is_read_and_told_of(stall):
    for path in ("acme/weather", "acme/tides"):
        stall.publish(path)
    profiles.write(Seller.objects.get(), Profile("Weather people"))
    assert {good.seller_name for good in goods.of_seller("acme")} == {"Weather people"}
    assert [(path, kind) for path, kind, _ in changes()[2:]] == [
        ("acme/weather", "changed"),
        ("acme/tides", "changed"),
    ]


def test_a_network_that_the_site_gave_up_is_not_quoted(stall, settings):
    stall.publish()
    settings.CHAINS = {}
    assert goods.one("acme/weather") is None
    assert goods.best(10) == ()


def test_a_listing_paused_while_it_is_changed_comes_back_with_the_new_terms(stall, dearer):
    listing = stall.publish()
    listings.pause(listing.pk)
    stall.revise(listing, prices=dearer, title="Weather of cities")
    assert goods.one("acme/weather") is None
    listings.resume(listing.pk)
    assert goods.one("acme/weather").terms.title == "Weather of cities"
    assert CatalogEntry.objects.get().title == "Weather of cities"
