"""A listing's page has a way to each of its parts, and its stats are what really settled."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Payment
from sellers.market import figures, goods
from sellers.models import CatalogEntry, CatalogTrade
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.shop import Shop
from tests.fixtures.storefront import Storefront

PEOPLE = {"Accept": "text/html"}
OpenShop = Callable[..., Shop]


def read(path: str = "acme/weather") -> str:
    response = Client(headers=PEOPLE).get(f"/l/{path}")
    assert response.status_code == 200
    return str(response.content.decode())


def bar(page: str) -> list[tuple[str, str]]:
    (found,) = re.findall(r'<nav class="parts"[^>]*>(.*?)</nav>', page, re.DOTALL)
    return re.findall(r'<a href="#([a-z-]+)">([^<]+)</a>', found)


def row(page: str, name: str) -> list[str]:
    """What a row of the stats says, one text a span."""
    (cells,) = re.findall(rf'<th scope="row">(?:<span>)?{name}.*?</th>(.*?)</tr>', page, re.DOTALL)
    return [
        " ".join(re.sub(r"<[^>]+>", " ", each).split())
        for each in re.findall(r"<td[^>]*>(.*?)</td>", cells, re.DOTALL)
    ]


def test_the_bar_leads_to_every_part_in_the_page_s_order(stall: Storefront) -> None:
    stall.publish("acme/weather")

    page = read()

    assert [label for _, label in bar(page)] == [
        "Try it", "Sample", "Code", "Docs", "Schema", "Stats", "Quote", "History",
    ]  # fmt: skip
    places = [page.index(f'<section class="card" id="{anchor}"') for anchor, _ in bar(page)]
    assert places == sorted(places)
    for anchor, _ in bar(page):
        part = page[page.index(f'<section class="card" id="{anchor}"') :]
        assert re.search(r"<h2 [^>]*>[^<]+</h2>", part[: part.index("</section>")]), anchor


def test_a_part_that_is_not_there_is_not_in_the_bar(
    stall: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall.publish("acme/weather")
    good = goods.one("acme/weather")
    assert good is not None
    bare = replace(good.terms, input_schema={"properties": {}}, output_schema={})
    monkeypatch.setattr(goods, "one", lambda path: replace(good, terms=bare))

    page = read()

    assert "Schema" not in [label for _, label in bar(page)]
    assert 'id="schema"' not in page


def test_the_first_lines_say_what_it_costs_whether_it_lives_and_how_to_try_it(
    stall: Storefront,
) -> None:
    stall.publish("acme/weather")

    page = read()

    head = page[page.index("<h1") : page.index('<nav class="parts"')]
    for said in ("$0.01", "0.01 USDC", "Base Sepolia, test network", "New", 'href="#pay">Try it'):
        assert said in head


def test_a_call_s_rules_are_told_before_it_is_paid_for(stall: Storefront) -> None:
    stall.publish("acme/weather", output_schema={"type": "object", "required": ["celsius"],
        "properties": {"celsius": {"type": "number", "description": "At noon"}}},
        check_output=True)  # fmt: skip
    stall.publish("acme/upfront", release="upfront")

    page, upfront = read(), read("acme/upfront")

    docs = page[page.index('id="docs"') : page.index('id="schema"')]
    assert "You pay nothing when" in docs
    assert "For 7 days after it is paid for, without paying again." in docs
    assert "Stays good for 5 minutes when the seller changes it." in docs
    assert re.search(r"application/json, of [0-9.]+ MB at most, within 90 seconds of the", docs)
    assert re.search(r"A charged answer has</dt><dd>celsius", docs)
    assert "A refund is due when" in upfront
    assert "You pay nothing when" not in upfront
    schema = page[page.index('id="schema"') : page.index('id="stats"')]
    assert re.search(r"<code>celsius</code>.*number.*At noon.*\(always there\)", schema)


def test_nothing_is_measured_where_nobody_bought(stall: Storefront) -> None:
    stall.publish("acme/weather")
    figures.keep()

    page = read()

    assert "Nobody has bought here yet" in page
    for absent in ("Newest payments", "What these figures count", '<th scope="row">Calls'):
        assert absent not in page


def test_the_stats_are_what_settled(open_shop: OpenShop) -> None:
    shop = open_shop()
    for number in range(3):
        shop.sold(payer=Cast.buyer.address, amount_atomic=1_000_000 + number)
    shop.sold(payer=Cast.other_buyer.address, amount_atomic=1_234_000_000)
    shop.sold(payer=Cast.seller.address)
    figures.keep()

    page = read()

    assert row(page, "Calls") == ["4", "4", "4"]
    assert row(page, "Buyers") == ["2", "2", "2"]
    assert row(page, "Answered") == ["100 %"] * 3
    assert row(page, "Paid") == ["$1,237.000003 1,237.000003 USDC"] * 3
    stats = page[page.index('id="stats"') : page.index('id="quote"')]
    for name, says in (("Paid", "What was given back is not taken off"), ("Calls", "At most 10")):
        assert re.search(rf"<dt>{name}</dt><dd>[^<]*{says}", stats)
    payments = Payment.objects.all()
    for payer in (Cast.buyer, Cast.other_buyer, Cast.seller):
        assert payer.address.lower()[2:] not in stats.lower()
    assert "/p/" not in stats
    assert not any(str(payment.pk) in stats for payment in payments)


def test_a_payment_s_transaction_is_shown_where_an_explorer_knows_it(
    open_shop: OpenShop, settings: Any
) -> None:
    shop = open_shop()
    shop.sold(payer=Cast.buyer.address)
    figures.keep()
    (kept,) = CatalogTrade.objects.get(pk=shop.listing.pk).latest
    link = f'href="https://sepolia.basescan.org/tx/{kept["transaction"]}"'

    assert link in read()
    settings.DEMO_CHAIN_RPC = settings.CHAINS[NETWORK]["RPC"][0]
    alone = read()
    assert link not in alone
    assert f'data-copy="{kept["transaction"]}"' in alone


def test_programs_read_the_same_figures(open_shop: OpenShop) -> None:
    shop = open_shop()
    for number in range(7):
        shop.sold(payer=Cast.buyer.address, amount_atomic=2_000 + number)
    figures.keep()

    said = Client().get("/api/catalog/acme/weather").json()

    total = str(sum(range(2_000, 2_007)))
    assert said["trade"]["volume"] == [
        {
            "network": NETWORK, "asset": USDC, "amount24h": total, "amount7d": total,
            "amount30d": total, "networkName": "Base Sepolia", "testnet": True, "symbol": "USDC",
            "decimals": 6,
        }
    ]  # fmt: skip
    newest = said["trade"]["latestPayments"]
    assert [each["amount"] for each in newest] == ["2006", "2005", "2004", "2003", "2002"]
    kept = CatalogTrade.objects.get(pk=shop.listing.pk)
    for each, row_ in zip(newest, kept.latest, strict=True):
        assert set(each) == {
            "at", "network", "networkName", "testnet", "asset", "symbol", "decimals", "amount",
            "amountUsd", "transaction", "explorer",
        }  # fmt: skip
        assert each["explorer"] == f"https://sepolia.basescan.org/tx/{row_['transaction']}"
    assert set(said["trade"]["definitions"]) == {"volume", "latestPayments"}
    quality = said["quality"]
    assert (quality["payers24h"], quality["payers7d"], quality["payers30d"]) == (1, 1, 1)


@pytest.mark.parametrize(("atomic", "said"), [(1, "&lt; $0.0001 0.000001 USDC"),
    (10**24, "$1,000,000,000,000,000,000.00")])  # fmt: skip
def test_money_is_never_rounded_away(stall: Storefront, atomic: int, said: str) -> None:
    listing = stall.publish("acme/weather")
    CatalogEntry.objects.filter(pk=listing.pk).update(last_called_at=timezone.now(), calls_30d=1)
    sums = {
        "network": NETWORK,
        "asset": USDC,
        "day": "0",
        "week": str(atomic),
        "month": str(atomic),
    }
    CatalogTrade.objects.create(listing=listing, volume=[sums], latest=[])

    none, week, month = row(read(), "Paid")

    assert none == "$0.00 0 USDC"
    assert week.startswith(said)
    assert month == week
