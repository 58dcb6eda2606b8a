"""Who asks for the buyers of a busy seller never waits for the count over all of them."""

from __future__ import annotations

import html
import re
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


def text(shop: Shop, query: str = "") -> str:
    return str(shop.client.get(HERE + query, headers={"HX-Request": "true"}).content.decode())


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
    assert 'hx-trigger="load, buyers from:#live, ' in page, "over the stream of the earnings page"
    assert "hx-sse" not in page
    (job,) = rung
    assert kept_buyers.run(job)
    page = text(busy)
    assert "2 wallets paid" in page
    assert "hx-trigger" not in page
    BuyersLook.objects.update(made_at=timezone.now() - timedelta(hours=2))
    assert "being counted anew" in text(busy)


def test_the_buyers_own_page_is_told_until_they_are_counted(busy: Shop) -> None:
    whole = str(busy.client.get(HERE).content.decode())
    for shown in (whole, text(busy, "?alone=1")):
        assert 'hx-trigger="buyers from:#live, ' in shown
        assert "/events?topics=buyers&amp;seen=0" in shown
        assert "&amp;alone=1" in shown
        assert "<noscript>" in shown
    assert kept_buyers.run_due() == 1
    for shown in (str(busy.client.get(HERE).content.decode()), text(busy, "?alone=1")):
        assert "2 wallets paid" in shown
        assert "buyers from:" not in shown
        assert "hx-sse" not in shown


def test_the_part_before_the_count_waits_as_the_one_that_is_counted(busy: Shop) -> None:
    """Were one attribute another, htmx would begin anew, and miss what it is told meanwhile."""
    page = str(busy.client.get("/sell/earnings/").content.decode())
    before = re.search(r'<section id="who-paid" class="card"( [^>]+)>', page)
    assert before
    follows = before[1].strip()
    assert follows.startswith("hx-get=")
    counting = text(busy, html.unescape(follows).split('"')[1].removeprefix(HERE))
    assert "Counting the wallets" in counting
    assert follows in counting
    assert "topics=earnings%2Cbuyers" in page
