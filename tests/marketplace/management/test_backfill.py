"""`manage.py backfill` makes what the worker keeps from the rows, and says how far it is."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from payments.models import EarningsDay
from sellers.listings import pause
from sellers.market import figures
from sellers.models import CatalogEntry, Listing
from sellers.profile.directory import open_seller


@pytest.fixture(autouse=True)
def own_database(database_url: str, settings: Settings) -> None:
    settings.DATABASE_URL = database_url


def backfill(*arguments: str, what: str = "earnings") -> str:
    said = StringIO()
    call_command("backfill", what, *arguments, stdout=said)
    return said.getvalue()


def test_sums_are_made_anew(make_purchase: Any) -> None:
    seller = open_seller("acme")
    make_purchase(
        lambda purchases: purchases.final(amount_atomic=7, purchase={"seller_id": seller.pk})
    )
    assert "1 of 1 sellers, 1 payments" in backfill()
    assert [int(day.amount_atomic) for day in EarningsDay.objects.all()] == [7]


def test_one_seller_alone_can_be_asked_for(make_purchase: Any) -> None:
    seller = open_seller("acme")
    make_purchase(lambda purchases: purchases.final(purchase={"seller_id": seller.pk}))
    make_purchase(lambda purchases: purchases.final())
    assert "1 of 1 sellers, 1 payments" in backfill("--seller", "acme")
    assert [day.seller_id for day in EarningsDay.objects.all()] == [seller.pk]


@pytest.mark.parametrize("option", ["--seller", "--from"])
def test_a_seller_that_is_not_there_is_named(db: None, option: str) -> None:
    with pytest.raises(CommandError, match="no seller nobody"):
        backfill(option, "nobody")


def test_the_figures_of_listings_are_made_before_they_are_due(stall: Any) -> None:
    listing = stall.publish("acme/weather")
    figures.keep()
    listing.entry.refresh_from_db()
    CatalogEntry.objects.filter(pk=listing.entry.pk).update(calls_7d=99, score=99)

    assert "1 of 1 sellers, 1 listings" in backfill(what="stats")

    (entry,) = CatalogEntry.objects.all()
    assert (entry.calls_7d, entry.score) == (0, listing.entry.score)


def test_a_listing_that_the_catalog_lost_is_found_again(stall: Any) -> None:
    stall.publish("acme/weather")
    stall.publish("acme/paused")
    pause(Listing.objects.get(slug="paused").pk)
    CatalogEntry.objects.all().delete()

    assert "1 of 1 sellers, 1 listings" in backfill(what="search")

    assert [each.listing.slug for each in CatalogEntry.objects.all()] == ["weather"]


def test_it_is_taken_up_where_it_was_stopped(stall: Any) -> None:
    for path in ("acme/weather", "beta/weather", "core/weather"):
        stall.publish(path)
    CatalogEntry.objects.all().delete()

    said = backfill("--from", "beta", what="search").splitlines()

    assert [line.rpartition(" ")[2] for line in said] == ["beta", "core"]
    assert CatalogEntry.objects.count() == 2
