"""Sellers are told, once, when the operator's rules about gas and prices stop what they sell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from payments.models import GasUse, OpenOffer
from sellers.models import Notice
from sellers.news.floors import tell_not_offered, tell_too_cheap, tell_too_dear
from sellers.news.gas import tell_spent
from sellers.notices import only_id, put_away
from sellers.site import Site
from tests.fixtures.foreign import browser_of
from tests.fixtures.hooks import sign_up
from tests.fixtures.storefront import NETWORK, Storefront

CAP_WEI = 10**16


def used(storefront: Storefront, wei: int) -> None:
    seller = storefront.publish("acme/weather").seller
    today = timezone.now().date()
    GasUse.objects.create(network=NETWORK, seller_id=seller.pk, day=today, gas_wei=wei, payments=1)


@pytest.mark.parametrize(("wei", "told"), [(CAP_WEI - 1, 0), (CAP_WEI, 1)])
def test_a_seller_whose_gas_of_today_is_spent_is_told_once(
    storefront: Storefront, wei: int, told: int
) -> None:
    used(storefront, wei)
    assert [tell_spent({NETWORK: CAP_WEI}) for _ in range(2)] == [told, 0]
    for notice in Notice.objects.all():
        assert notice.subject == "Calls on Base Sepolia are refused until midnight UTC"
        assert notice.mail_at is not None, "by letter, too"
        assert put_away(notice.seller_id, notice.pk)
    assert tell_spent({NETWORK: CAP_WEI}) == 0, "what was put away is not told again"
    assert Notice.objects.count() == told


def test_every_day_is_told_of_by_itself(storefront: Storefront) -> None:
    used(storefront, CAP_WEI)
    GasUse.objects.update(day=timezone.now().date() - timedelta(days=1))
    assert tell_spent({NETWORK: CAP_WEI}) == 0, "that was yesterday"
    today, yesterday = timezone.now(), timezone.now() - timedelta(days=1)
    assert only_id("gas", today) == only_id("gas", today) != only_id("gas", yesterday)


def test_no_cap_is_none_to_tell_of(storefront: Storefront) -> None:
    used(storefront, CAP_WEI)
    assert tell_spent({NETWORK: 0}) == 0
    assert tell_spent({}) == 0


def raised(site: Site, floor: str) -> Site:
    accepted = (replace(each, price_floor=Decimal(floor)) for each in site.accepted)
    return replace(site, accepted=tuple(accepted))


@pytest.mark.parametrize(("floor", "told"), [("0.01", 0), ("0.011", 1)])
def test_a_seller_whose_price_fell_below_the_floor_is_told_once(
    storefront: Storefront, floor: str, told: int
) -> None:
    owner = sign_up("acme").owner
    storefront.publish("acme/weather")
    site = raised(storefront.site, floor)
    assert [tell_too_cheap(site) for _ in range(2)] == [told, 0]
    for notice in Notice.objects.all():
        assert notice.subject == "acme/weather costs too little on Base Sepolia"
        assert f"is 0.01 dollars. The least this marketplace takes on Base Sepolia is {floor}" in (
            notice.text
        )
        assert browser_of(owner).get(notice.href).status_code == 200
    assert tell_too_cheap(raised(site, "0.02")) == 1, "of another floor they hear again"


def test_what_sellers_are_told_of_a_price_has_its_thousands_apart(storefront: Storefront) -> None:
    storefront.publish("acme/weather")
    OpenOffer.objects.update(amount_atomic=1_500_250_000)
    site = replace(raised(storefront.site, "2000"), price_max=Decimal(1_000))
    assert tell_not_offered(site) == 2
    cheap, dear = (notice.text for notice in Notice.objects.order_by("subject"))
    assert "is 1,500.25 dollars. The most" in dear
    assert "a call is 1,000 now" in dear
    assert "on Base Sepolia is 2,000 now" in cheap


@pytest.mark.parametrize(("most", "told"), [("0.01", 0), ("0.009", 1)])
def test_a_seller_whose_price_is_above_the_most_is_told_once(
    storefront: Storefront, most: str, told: int
) -> None:
    owner = sign_up("acme").owner
    storefront.publish("acme/weather")
    site = replace(storefront.site, price_max=Decimal(most))
    assert [tell_not_offered(site) for _ in range(2)] == [told, 0]
    for notice in Notice.objects.all():
        assert notice.subject == "acme/weather costs too much on Base Sepolia"
        assert "is 0.01 dollars. The most this marketplace takes for a call is 0.009" in notice.text
        assert notice.mail_at is not None, "by letter, too"
        assert browser_of(owner).get(notice.href).status_code == 200
    lower = replace(site, price_max=Decimal("0.005"))
    assert tell_too_dear(lower) == 1, "of another limit they hear again"


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ({"price_max": "0.009"}, "the most that this marketplace takes for a call is $0.009"),
        ({"floor": "0.02"}, "the least that this marketplace takes for a call there is $0.02"),
    ],
)
def test_a_price_that_is_not_offered_is_called_so_on_the_listings_pages(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch, limit: dict[str, str], why: str
) -> None:
    owner = sign_up("acme").owner
    listing = storefront.publish("acme/weather")
    pages = ("/sell/listings/weather/", f"/sell/health/{listing.pk}")

    def read() -> list[str]:
        return [browser_of(owner).get(page).content.decode() for page in pages]

    for page in read():
        assert "offered" not in page
    site = raised(storefront.site, limit.get("floor", "0.001"))
    site = replace(site, price_max=Decimal(limit.get("price_max", "100")))
    for module in ("life", "health"):
        monkeypatch.setattr(f"sellers.pages.{module}.this_site", lambda: site)
    for page in read():
        assert "not offered" in page
        assert why in page
        assert "Buyers are quoted and served" not in page
