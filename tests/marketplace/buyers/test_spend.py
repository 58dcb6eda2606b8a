"""Spend adds up, from every side, and to the unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from payments.limits.groups import open_group
from payments.limits.setting import Wishes, set_limits
from payments.wallets.payers import Payer
from tests.fixtures.buying import owner
from tests.fixtures.cast import Cast
from tests.fixtures.shop import Shop

SPEND = "/buy/spend/"
OpenShop = Callable[..., Shop]
MINE, OTHER = Cast.buyer.address, Cast.other_buyer.address


def section(page: str, name: str) -> str:
    return page.split(f'id="{name}"')[1].split("</section>")[0]


def test_spend_is_what_the_chain_has_moved(open_shop: OpenShop) -> None:
    acme, zeta = open_shop("acme"), open_shop("zeta")
    acme.sold(payer=MINE, amount_atomic=10_000)
    acme.sold("answer settle", payer=OTHER, amount_atomic=200_000)
    acme.sold("answer", payer=MINE, amount_atomic=3_000_000)
    zeta.sold(payer=MINE, amount_atomic=40_000_000)
    zeta.sold("void", payer=MINE, amount_atomic=500_000_000)
    page = owner("both", MINE, OTHER).text(SPEND)
    assert "40.21 USDC" in section(page, "totals")
    sellers = section(page, "by-seller")
    assert sellers.index("$40.00") < sellers.index("$0.21")
    assert "City weather" in section(page, "by-listing")
    wallets = section(page, "by-wallet")
    assert wallets.index("$40.01") < wallets.index("$0.20")
    assert "by day" in page


def test_filters_narrow_spend(open_shop: OpenShop) -> None:
    acme, zeta = open_shop("acme"), open_shop("zeta")
    acme.sold(payer=MINE, amount_atomic=10_000)
    zeta.sold(payer=MINE, amount_atomic=40_000_000)
    buyer = owner()
    for query in ("?seller=acme", "?listing=acme/weather", "?seller=acme&by=month&period=12m"):
        assert "0.01 USDC" in section(buyer.text(SPEND + query), "totals"), query
    assert "Nothing was spent in this time" in buyer.text(f"{SPEND}?network=eip155:8453")
    assert "40.01 USDC" in section(buyer.text(f"{SPEND}?period=all"), "totals")


def test_a_time_of_ones_own_can_be_chosen(open_shop: OpenShop) -> None:
    open_shop().sold(payer=MINE, amount_atomic=10_000)
    buyer, today = owner(), datetime.now(UTC).date()
    tomorrow = today + timedelta(days=1)
    assert 'value="custom"' in buyer.text(SPEND)
    now = buyer.text(f"{SPEND}?period=custom&from={today}&to={today}")
    assert "0.01 USDC" in section(now, "totals")
    assert f'name="from" type="date" value="{today}"' in now
    later = buyer.text(f"{SPEND}?period=custom&from={tomorrow}&to={tomorrow}")
    assert "Nothing was spent in this time" in later
    assert f'name="to" type="date" value="{tomorrow}"' in later


def test_days_far_away_are_the_nearest_that_anything_is_kept_of(open_shop: OpenShop) -> None:
    """Also a year that is just being typed: 0202 draws no chart of two thousand years."""
    open_shop().sold(payer=MINE, amount_atomic=10_000)
    buyer, today = owner(), datetime.now(UTC).date()
    page = buyer.text(f"{SPEND}?period=custom&from=0202-01-01")
    assert "0.01 USDC" in section(page, "totals")
    assert "Jan 2020" in page
    assert "Dec 2019" not in page
    for path in (SPEND, "/buy/"):
        for query in ("from=9999-12-31", "to=9999-12-31", "from=0001-01-01&to=0001-01-01"):
            assert 'value="custom" selected' in buyer.text(f"{path}?period=custom&{query}")
    tomorrow = today + timedelta(days=1)
    far = buyer.text(f"{SPEND}?period=custom&from=9999-12-31&to=9999-12-31")
    assert f'name="to" type="date" value="{tomorrow}"' in far


def test_nobody_elses_spend_is_in_it(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold(payer=OTHER, amount_atomic=7_000_000)
    shop.sold(payer=MINE, amount_atomic=10_000)
    page = owner().text(f"{SPEND}?wallet={OTHER}")
    assert "0.01 USDC" in section(page, "totals")
    assert "$7.00" not in page


def test_spend_is_told_by_agent_and_by_group(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold(payer=MINE, amount_atomic=10_000)
    shop.sold(payer=OTHER, amount_atomic=200_000)
    buyer = owner("both", MINE, OTHER)
    group = open_group(buyer.user.pk, Wishes("Research", False, {}, (), ()))
    set_limits(Payer(MINE), Wishes("Scout", False, {}, (), ()), group)
    page = buyer.text(SPEND)
    assert "Scout" in section(page, "by-wallet")
    groups = section(page, "by-group")
    assert groups.index("Research") < groups.index("$0.01") < groups.index("in no group")
    assert groups.index("in no group") < groups.index("$0.20")
    narrowed = buyer.text(f"{SPEND}?group={group.pk}")
    assert "0.01 USDC" in section(narrowed, "totals")
    assert "$0.20" not in narrowed
    assert "$0.20" not in buyer.text(f"/buy/?group={group.pk}")
    assert "$0.20" in buyer.text("/buy/?group=nonsense")
