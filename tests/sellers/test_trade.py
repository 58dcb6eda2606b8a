"""What a listing moved is counted from what really settled, and its newest payments are the
chain's own facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import BuyerDay, EarningsVersion, Payment, Progress, Step
from payments.reports.turnover import NEWEST_MAX, Token
from payments.written import hexadecimal
from sellers.market import figures, goods, trade
from sellers.market.trade import Trade, trade_of
from sellers.models import CatalogFigures, CatalogTrade, Listing
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.shop import Shop
from tests.fixtures.storefront import Storefront

BASE, BASE_USDC = "eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
HERE, ELSEWHERE = Token(NETWORK, USDC), Token(BASE, BASE_USDC)
OpenShop = Callable[..., Shop]


@pytest.fixture
def listing(stall: Storefront) -> Listing:
    return stall.publish("acme/weather")


def paid(
    listing: Listing, payer: str, payments: int, amount: int, days_ago: int = 0,
    token: Token = HERE,
) -> None:  # fmt: skip
    """What the worker's sums hold of one wallet's day."""
    BuyerDay.objects.create(
        seller_id=listing.seller_id, listing_id=listing.pk, payer=payer, payments=payments,
        day=timezone.now().date() - timedelta(days=days_ago), network=token.network,
        asset=token.asset, amount_atomic=amount,
    )  # fmt: skip
    version, _ = EarningsVersion.objects.get_or_create(
        seller_id=listing.seller_id, defaults={"version": 0}
    )
    EarningsVersion.objects.filter(pk=version.pk).update(version=version.version + 1)


def counted(listing: Listing) -> Trade:
    CatalogFigures.objects.update(due_at=timezone.now())
    figures.keep()
    return trade_of(listing.pk)


def by_days(found: Trade) -> dict[Token, tuple[int, int]]:
    return {each.token: (each.week_atomic, each.month_atomic) for each in found.volume}


def test_money_is_counted_by_token_and_span(listing: Listing) -> None:
    paid(listing, Cast.buyer.address, 2, 20_000)
    paid(listing, Cast.other_buyer.address, 1, 7, days_ago=6)
    paid(listing, Cast.buyer.address, 3, 10**30 + 1, days_ago=29, token=ELSEWHERE)
    paid(listing, Cast.buyer.address, 9, 9, days_ago=30)

    found = counted(listing)

    assert by_days(found) == {HERE: (20_007, 20_007), ELSEWHERE: (0, 10**30 + 1)}
    quality = goods.one("acme/weather").quality  # type: ignore[union-attr]
    assert (quality.payers_7d, quality.payers_30d) == (2, 2)


def test_of_one_payer_s_day_as_much_counts_as_its_counted_calls_cost(listing: Listing) -> None:
    paid(listing, Cast.buyer.address, 300, 300 * 20_000)
    paid(listing, Cast.buyer.address, 100, 100 * 10_000, token=ELSEWHERE)  # one day, two tokens
    paid(listing, Cast.buyer.address, 12, 100, days_ago=1)

    # Ten of four hundred: of each token a fortieth of what it moved. Ten of twelve: 83.33.
    assert by_days(counted(listing)) == {HERE: (150_083, 150_083), ELSEWHERE: (25_000, 25_000)}


def test_neither_the_seller_s_own_money_counts_nor_the_operator_s(
    listing: Listing, settings: Any
) -> None:
    settings.CANARY_ADDRESSES = [Cast.attacker.address]
    paid(listing, Cast.seller.address, 5, 500_000)
    paid(listing, Cast.attacker.address, 5, 500_000)

    assert counted(listing) == Trade()


def test_the_newest_payments_are_the_chain_s_facts(open_shop: OpenShop, settings: Any) -> None:
    settings.CANARY_ADDRESSES = [Cast.attacker.address]
    shop = open_shop()
    for number in range(NEWEST_MAX + 1):
        shop.sold(payer=Cast.buyer.address, amount_atomic=2_000 + number)
    shop.sold(payer=Cast.seller.address)
    shop.sold(payer=Cast.attacker.address)
    shop.sold("answer", payer=Cast.other_buyer.address)  # nothing has moved yet

    found = counted(shop.listing)

    payments = Payment.objects.filter(payer=Cast.buyer.address).order_by("-created_at")[:NEWEST_MAX]
    assert [row.amount_atomic for row in found.latest] == [2_005, 2_004, 2_003, 2_002, 2_001]
    for row, payment in zip(found.latest, payments, strict=True):
        progress = Progress.objects.get(pk=payment.pk)
        settled = Step.objects.filter(payment_id=payment.pk, money="settled").earliest("version")
        assert row.transaction == hexadecimal(progress.transaction or b"")
        assert row.at == settled.at != payment.created_at
        assert row.token == HERE
    (volume,) = found.volume
    assert (
        volume.day_atomic == volume.week_atomic == volume.month_atomic == sum(range(2_000, 2_006))
    )
    quality = goods.one("acme/weather").quality  # type: ignore[union-attr]
    assert (quality.calls_24h, quality.payers_24h, quality.payers_7d) == (6, 1, 1)
    kept = CatalogTrade.objects.get(pk=shop.listing.pk)
    assert Cast.buyer.address.lower() not in f"{kept.volume}{kept.latest}".lower()
    assert all(str(each.pk) not in str(kept.latest) for each in payments)  # nor a receipt's address


def test_of_one_payer_the_newest_ten_of_a_day_count(open_shop: OpenShop) -> None:
    shop = open_shop()
    for number in range(12):
        shop.sold(payer=Cast.buyer.address, amount_atomic=10**number)

    (volume,) = counted(shop.listing).volume

    assert volume.day_atomic == sum(10**number for number in range(2, 12))
    assert volume.week_atomic == sum(10**number for number in range(12)) * 10 // 12


def test_another_sale_makes_another_edition_and_nothing_new_makes_none(listing: Listing) -> None:
    counted(listing)
    edition = goods.edition()
    paid(listing, Cast.buyer.address, 1, 20_000)
    first = counted(listing)
    assert goods.edition() != edition
    edition = goods.edition()
    assert counted(listing) == first
    assert goods.edition() == edition
    BuyerDay.objects.update(amount_atomic=30_000)  # calls and payers are the same
    counted(listing)
    assert goods.edition() != edition


def test_a_listing_nobody_bought_has_no_row(listing: Listing) -> None:
    assert counted(listing) == Trade()
    assert not CatalogTrade.objects.exists()
    assert set(trade.DEFINITIONS) == {"volume", "latest_payments"}
