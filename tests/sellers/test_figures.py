"""What is said of how well a listing serves: counted from what happened, and hard to buy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from marketplace.accounts.models import Wallet
from payments.models import BuyerDay, EarningsDay, EarningsVersion
from sellers.market import figures, goods
from sellers.market.quality import DEFINITIONS, Quality, score
from sellers.market.trade import trade_of
from sellers.models import CatalogEntry, CatalogFigures, Health, Payout
from sellers.pages.earnings import marks
from sellers.payouts.own_wallets import may_pay_now, own_wallets
from sellers.prices import Ask
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, USDC

NOW = timezone.now()


@pytest.fixture
def listing(stall):
    return stall.publish("acme/weather")


def paid(listing, payer, payments, days_ago=0):
    """What the worker's sums hold of one wallet's day."""
    BuyerDay.objects.create(
        seller_id=listing.seller_id, listing_id=listing.pk, payer=payer, payments=payments,
        day=timezone.now().date() - timedelta(days=days_ago), network=NETWORK, asset=USDC,
        amount_atomic=payments,
    )  # fmt: skip
    told(listing)


def ended(listing, work, cause, payments, days_ago=0):
    """What the worker's sums hold of calls that ended like this."""
    EarningsDay.objects.create(
        seller_id=listing.seller_id, listing_id=listing.pk, work=work, cause=cause,
        money="none", day=timezone.now().date() - timedelta(days=days_ago), network=NETWORK,
        asset=USDC, payments=payments, amount_atomic=payments,
    )  # fmt: skip
    told(listing)


def told(listing):
    version, _ = EarningsVersion.objects.get_or_create(
        seller_id=listing.seller_id, defaults={"version": 0}
    )
    EarningsVersion.objects.filter(pk=version.pk).update(version=version.version + 1)


def made():
    CatalogFigures.objects.update(made_at=NOW - timedelta(hours=1))
    figures.keep()
    return goods.one("acme/weather").quality


def test_calls_of_one_payer_are_capped_by_day_and_old_ones_are_left_out(listing):
    paid(listing, Cast.buyer.address, 500)
    paid(listing, Cast.buyer.address, 3, days_ago=2)
    paid(listing, Cast.other_buyer.address, 4, days_ago=10)
    paid(listing, Cast.other_buyer.address, 9, days_ago=40)
    quality = made()
    assert (quality.calls_7d, quality.calls_30d, quality.payers_30d) == (13, 17, 2)
    assert quality.calls_by_day == [0, 0, 0, 0, 3, 0, 10]
    assert quality.top_payer_share == pytest.approx(503 / 507)
    assert quality.self_paid is False


@pytest.mark.parametrize("whose", ["paid into", "asked once", "proven once", "linked"])
def test_a_seller_s_own_calls_count_for_nothing_and_are_said(stall, listing, whose):
    own = Cast.seller.address if whose == "paid into" else Cast.attacker.address
    paid(listing, own, 50)
    paid(listing, Cast.buyer.address, 1)
    seller = listing.seller
    if whose == "asked once":
        stall.revise(listing, prices=[Ask("0.01", NETWORK, own)])
        stall.revise(listing, title="Weather again")
    elif whose == "proven once":
        Payout.objects.create(seller=seller, address=own, proof={}, revoked_at=NOW)
    elif whose == "linked":
        link(seller, own)
    quality = made()
    assert (quality.calls_30d, quality.payers_30d, quality.self_paid) == (1, 1, True)
    assert quality.calls_by_day == [0, 0, 0, 0, 0, 0, 1]


def link(seller, address):
    seller.owner = User.objects.create_user("acme")
    seller.save()
    Wallet.objects.create(user=seller.owner, address=address, linked_at=NOW)


def test_the_same_wallets_are_the_seller_s_own_on_every_page_and_fewer_may_try_a_draft(
    stall, listing
):
    seller, gone = listing.seller, Cast.other_seller.address
    link(seller, Cast.other_buyer.address)
    Payout.objects.create(seller=seller, address=gone, proof={}, revoked_at=NOW)
    Payout.objects.create(seller=seller, address=Cast.moderator.address, proof={})
    own = own_wallets(seller)
    assert own == {
        Cast.seller.address, gone, Cast.moderator.address, Cast.other_buyer.address,
    }  # fmt: skip
    assert {wallet for wallet, mark in marks(seller).items() if mark == "own"} == own
    assert may_pay_now(seller) == {Cast.moderator.address, Cast.other_buyer.address}


def test_the_operator_s_own_calls_are_apart(listing, settings):
    settings.CANARY_ADDRESSES = [Cast.attacker.address]
    paid(listing, Cast.attacker.address, 50)
    paid(listing, Cast.buyer.address, 1)
    quality = made()
    assert (quality.calls_30d, quality.top_payer_share, quality.self_paid) == (1, 1.0, False)


def test_success_is_of_what_the_seller_answered_for(listing):
    ended(listing, "answered", "", 90)
    ended(listing, "void", "timeout", 10)
    ended(listing, "void", "upstream_rejected", 400)  # the buyer's input
    ended(listing, "void", "window over", 400)  # the buyer's money
    ended(listing, "void", "upstream_error", 100, days_ago=20)
    quality = made()
    assert quality.success_7d == pytest.approx(0.9)
    assert quality.success_30d == pytest.approx(0.45)


def test_the_newest_calls_say_how_quick_it_is(open_shop):
    shop = open_shop()
    for _ in range(3):
        shop.sold(payer=Cast.buyer.address)
    figures.keep()
    quality = goods.one("acme/weather").quality
    assert (quality.calls_24h, quality.calls_7d, quality.payers_30d) == (3, 3, 1)
    assert quality.success_24h == quality.success_7d == 1.0
    assert quality.p50_ms_24h == quality.p50_ms_7d == quality.p50_ms_30d is not None
    assert quality.last_called_at is not None
    entry = CatalogEntry.objects.get()
    assert entry.latency == quality.p50_ms_7d
    assert entry.score == quality.score > 0


def test_it_was_last_bought_when_money_last_moved(open_shop, client):
    shop = open_shop()
    shop.sold("void", payer=Cast.other_buyer.address)
    assert made().last_called_at is None
    page = client.get("/l/acme/weather", headers={"Accept": "text/html"}).content.decode()
    assert "Last bought" in page, "how it served is to be seen, though nobody bought"
    shop.sold(payer=Cast.buyer.address)
    (settled,) = trade_of(shop.listing.pk).latest if made() else ()
    for nobody in (Cast.other_buyer, Cast.seller):  # one that is not paid yet, and the seller's own
        come_to = "final" if nobody is Cast.seller else "answer"
        shop.sold(come_to, payer=nobody.address, purchase={"url": f"https://x.example/{come_to}"})
    assert made().last_called_at == settled.at


@pytest.mark.parametrize(
    ("days_ago", "payers", "stays"), [(40, 0, True), (1, 0, False), (1, 1, True)]
)
def test_what_was_bought_before_is_known_from_before(listing, days_ago, payers, stays):
    """A time of these days that no payment bears out was a call's that never settled."""
    before = NOW - timedelta(days=days_ago)
    CatalogEntry.objects.update(last_called_at=before)
    ended(listing, "void", "timeout", 5)
    if payers:
        paid(listing, Cast.buyer.address, 1)  # behind the newest thousand calls
    assert made().last_called_at == (before if stays else None)


def test_a_seller_is_looked_at_when_something_was_sold_and_not_all_the_time(listing):
    edition = goods.edition()
    assert figures.keep() == 1  # a first score
    assert goods.edition() != edition
    edition = goods.edition()
    assert figures.keep() == 0
    paid(listing, Cast.buyer.address, 1)
    assert figures.keep() == 0  # looked at within this minute
    CatalogFigures.objects.update(made_at=NOW - timedelta(minutes=2))
    assert figures.keep() == 1
    assert goods.edition() != edition
    CatalogFigures.objects.update(due_at=NOW)
    assert figures.keep() == 0  # looked at anew, and nothing is different


def test_what_was_for_sale_before_there_was_a_catalog_is_entered(listing):
    CatalogEntry.objects.all().delete()
    assert goods.one("acme/weather") is None
    figures.keep()
    good = goods.one("acme/weather")
    assert good is not None
    assert good.quality.score > 0


def test_when_it_was_last_seen_to_work_is_said(listing):
    Health.objects.create(listing=listing, well_at=NOW)
    assert made().last_verified_at == NOW


def test_every_figure_is_defined_and_the_rank_follows_them():
    assert set(DEFINITIONS) == set(Quality.__dataclass_fields__)
    worst, best = Quality(success_7d=0.0, p50_ms_7d=20_000), Quality(
        calls_30d=10_000, payers_30d=1_000, success_7d=1.0, p50_ms_7d=50, last_verified_at=NOW
    )  # fmt: skip
    assert (score(worst, NOW), score(best, NOW)) == (0, 1_000)
    assert 0 < score(Quality(), NOW) < score(Quality(last_verified_at=NOW), NOW)
    many = Quality(calls_30d=300, payers_30d=1, top_payer_share=1.0)
    few = Quality(calls_30d=30, payers_30d=20, top_payer_share=0.1)
    assert score(many, NOW) < score(few, NOW)
    assert score(Quality(calls_30d=9, self_paid=True), NOW) < score(Quality(calls_30d=9), NOW)
