"""`manage.py backfill earnings` makes the sums from the rows, and says how far it is."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from payments.models import EarningsDay
from sellers.directory import open_seller


@pytest.fixture(autouse=True)
def own_database(database_url: str, settings: Settings) -> None:
    settings.DATABASE_URL = database_url


def backfill(*arguments: str) -> str:
    said = StringIO()
    call_command("backfill", "earnings", *arguments, stdout=said)
    return said.getvalue()


def test_sums_are_made_anew(make_purchase: Any) -> None:
    make_purchase(lambda purchases: purchases.final(amount_atomic=7))
    assert "1 of 1 sellers, 1 payments" in backfill()
    assert [int(day.amount_atomic) for day in EarningsDay.objects.all()] == [7]


def test_one_seller_alone_can_be_asked_for(make_purchase: Any) -> None:
    seller = open_seller("acme")
    make_purchase(lambda purchases: purchases.final(purchase={"seller_id": seller.pk}))
    make_purchase(lambda purchases: purchases.final())
    assert "1 of 1 sellers, 1 payments" in backfill("--seller", "acme")
    assert [day.seller_id for day in EarningsDay.objects.all()] == [seller.pk]


def test_a_seller_that_is_not_there_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="no seller nobody"):
        backfill("--seller", "nobody")
