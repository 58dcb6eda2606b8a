"""Who asks for the buyers of a busy seller never waits for the count over all of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import BuyersLook
from payments.reports import kept_buyers
from payments.reports.buyers import buyers
from payments.reports.looks import Look, Span
from tests.fixtures.shop import Shop

OpenShop = Callable[..., Shop]
HERE = "/sell/earnings/buyers"


def the_look(shop: Shop) -> Look:
    today = datetime.now(UTC).date()
    return Look(shop.listing.seller_id, Span(today - timedelta(days=29), today))


@pytest.fixture
def busy(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A seller whose wallets are too many to be counted in a request."""
    monkeypatch.setattr(kept_buyers, "ROWS_AT_ONCE_MAX", 1)
    shop = open_shop()
    for _ in range(2):
        shop.sold()
    return shop


def text(shop: Shop) -> str:
    return str(shop.client.get(HERE, headers={"HX-Request": "true"}).content.decode())


def test_few_buyers_are_counted_at_once(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold()
    kept = kept_buyers.kept_buyers(the_look(shop))
    assert kept == kept_buyers.Kept(buyers(the_look(shop)))
    assert not BuyersLook.objects.exists()


def test_many_are_counted_by_the_worker_and_kept(busy: Shop) -> None:
    look = the_look(busy)
    first = kept_buyers.kept_buyers(look)
    assert (first.found, first.made_at) == (None, None)
    assert first.job is not None
    assert kept_buyers.kept_buyers(look).job == first.job, "one job for all who ask"
    assert kept_buyers.run(first.job)
    assert not kept_buyers.run(first.job), "done"
    kept = kept_buyers.kept_buyers(look)
    assert kept.found == buyers(look)
    assert kept.found is not None
    assert kept.found.unique == 2
    assert kept.job is None
    busy.sold()
    assert kept_buyers.kept_buyers(look).found == kept.found, "good for a minute"
    BuyersLook.objects.update(made_at=timezone.now() - timedelta(minutes=2))
    stale = kept_buyers.kept_buyers(look)
    assert stale.found == kept.found, "the last one, while it is counted anew"
    assert stale.job is not None
    assert kept_buyers.run_due() == 1
    assert kept_buyers.kept_buyers(look).found == buyers(look)


def test_looks_differ_by_what_is_asked_and_go_in_time(busy: Shop) -> None:
    look = the_look(busy)
    shorter = Look(look.seller_id, Span(look.span.last, look.span.last), network="eip155:84532")
    kept_buyers.kept_buyers(look)
    kept_buyers.kept_buyers(shorter)
    assert BuyersLook.objects.count() == 2
    old = timezone.now() - timedelta(days=2)
    BuyersLook.objects.filter(asked__network="eip155:84532").update(asked_at=old)
    assert kept_buyers.forget() == 1
    assert kept_buyers.run_due() == 1


def test_the_page_says_that_it_is_counted_and_then_who(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Any] = []
    monkeypatch.setattr("sellers.pages.buyers.ring_for_buyers", rung.append)
    page = text(busy)
    assert "Counting the wallets" in page
    assert "every 1s" in page
    (job,) = rung
    assert kept_buyers.run(job)
    page = text(busy)
    assert "2 wallets paid" in page
    assert "hx-trigger" not in page
    BuyersLook.objects.update(made_at=timezone.now() - timedelta(hours=2))
    assert "being counted anew" in text(busy)
