"""The same for earnings: what the worker and the pages of a seller ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from uuid import UUID

from marketplace.moderation.said import topic_of
from payments import earnings
from payments.database.pool import Pool, one, rows
from payments.ids import new_id
from payments.live.happenings import BUYERS, EARNINGS, PAYMENT, UNSEEN, Topic, versions_now
from payments.live.open_pages import Hub, Seat
from payments.reports import kept_buyers
from payments.reports.buyers import buyers, paid_by
from payments.reports.earnings import by_listing, by_time, first_sale, overview, wallets_paid
from payments.reports.finding_sales import find_sales
from payments.reports.looks import Look, Span
from payments.reports.sales import Wanted, is_sold_by, sales
from sellers.happenings import DOCUMENT, DOMAIN, LOOK, TEST_CALLS
from sellers.models import Fetch, Worksheet
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, USDC
from tests.payments.plans.day import FEW


async def counting(pool: Pool, seller: UUID) -> None:
    """What the worker asks for the sums of earnings, as often as something moves."""
    await earnings.begin(pool)
    await rows(
        pool,
        "update payments_stepmark set read_until = (select at from payments_step"
        " order by at desc offset 50 limit 1) returning 1",
    )
    await earnings.count(pool)
    waiting = Hub()
    draft = await one(pool, "select id from sellers_worksheet limit 1")
    fetch = await one(pool, "select id from sellers_fetch limit 1")
    assert draft
    assert fetch
    topics = {
        Topic(EARNINGS, seller), Topic(LOOK, draft[0]), Topic(TEST_CALLS, draft[0]),
        Topic(DOCUMENT, fetch[0]), Topic(BUYERS, seller), Topic(DOMAIN, seller),
        topic_of(1),
    }  # fmt: skip
    waiting._seats.add(Seat(dict.fromkeys(topics, UNSEEN)))
    await waiting._look(pool)
    assert waiting.known.keys() == topics
    assert UNSEEN not in waiting.known.values()
    assert seller in await earnings.sellers_with_payments(pool)


def sold(seller: UUID) -> None:
    """What the pages of a seller ask."""
    today = datetime.now(UTC).date()
    look = Look(seller, Span(today - timedelta(days=29), today))
    assert overview(look, [new_id() for _ in range(FEW)]).has_sales
    assert by_time(look)
    listing = next(iter(by_listing(look)))
    assert first_sale(seller)
    top = buyers(look).top
    assert paid_by(look, [top[0].payer])
    with patch.object(kept_buyers, "ROWS_AT_ONCE_MAX", FEW):
        job = kept_buyers.kept_buyers(look).job
    assert job is not None
    assert kept_buyers.run_due() == 1
    kept_buyers.forget()
    page = sales(Wanted(look)).rows
    assert versions_now([Topic(PAYMENT, page[0].id), Topic(EARNINGS, seller)])
    assert len(versions_now([Topic(BUYERS, seller), Topic(DOMAIN, seller), topic_of(1)])) == 3
    draft, fetch = Worksheet.objects.all()[0].pk, Fetch.objects.all()[0].pk
    assert versions_now([Topic(LOOK, draft), Topic(TEST_CALLS, draft), Topic(DOCUMENT, fetch)])
    assert page
    assert is_sold_by(seller, page[-1].id)
    one_listing = replace(look, listing_id=listing, network=NETWORK)
    assert wallets_paid(one_listing, USDC) == {Cast.seller.address}
    for wanted in (
        Wanted(look, older_than=page[-1].id),
        Wanted(one_listing),
        Wanted(look, state="final"),
        Wanted(one_listing, state="not_charged"),
        Wanted(look, payer=top[0].payer, state="final"),
    ):
        sales(wanted)
    found(look)


def found(look: Look) -> None:
    """What a seller asks who has an id or a hash in hand."""
    final = sales(Wanted(look, state="final")).rows[0]
    named = find_sales(look.seller_id, str(final.id))
    assert [sale.id for sale in sales(Wanted(look, only=named)).rows] == [final.id]
    assert final.id in find_sales(look.seller_id, final.transaction)
    assert find_sales(look.seller_id, str(new_id())) == ()
    assert find_sales(look.seller_id, "0x" + "77" * 32) == ()
