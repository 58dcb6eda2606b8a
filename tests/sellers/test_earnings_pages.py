"""What a seller sees of their money: exact, their own, and nobody else's."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import AsyncClient, Client
from django.utils import timezone

from payments.disputes.cases import Request, open_dispute
from payments.models import ChallengeDay, EarningsDay, Payment, Progress, Reason
from payments.reports.periods import BARS_MAX, read_span
from tests.fixtures.cast import Cast
from tests.fixtures.shop import Shop
from tests.marketplace.test_dispute_pages import paid_back

EARNINGS = "/sell/earnings/"
DOLLAR = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
OpenShop = Callable[..., Shop]


def text(shop: Shop, query: str = "", **headers: str) -> str:
    response = shop.client.get(EARNINGS + query, headers=headers)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_visitor_is_asked_to_sign_in(db: None) -> None:
    assert Client().get(EARNINGS).status_code == 302


def test_somebody_who_sells_nothing_is_sent_to_where_sellers_begin(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("visitor"))
    assert client.get(EARNINGS)["Location"] == "/sell/"


def test_the_chart_of_earnings_writes_thousands_apart(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold(amount_atomic=1_234_500_000)
    shop.sold("answer settle", amount_atomic=2_000_000_000)
    page = text(shop)
    assert "1,234.5 USDC, 2,000 USDC pending" in page
    assert "1234.5" not in page


def test_before_the_first_sale_the_page_says_so(open_shop: OpenShop) -> None:
    assert "Nothing was sold yet" in text(open_shop())


def test_money_stands_by_how_certain_it_is(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold(amount_atomic=10_000)
    shop.sold("answer settle", amount_atomic=200_000)
    shop.sold("answer", amount_atomic=3_000_000)
    shop.sold("void settle", amount_atomic=40_000_000)
    shop.sold("void", amount_atomic=500_000_000)
    page = text(shop)
    for column, amount in {
        "Gross": "3.21", "Confirmed": "0.01", "Pending": "3.20", "Refund due": "40",
    }.items():  # fmt: skip
        row = page.split(f'data-label="{column}"')[1]
        assert f"${amount}" in row.split("</td>")[0]


def test_the_smallest_and_the_largest_amounts_are_said_exactly(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold(amount_atomic=1)
    assert "0.000001 USDC" in text(shop)
    shop.sold(amount_atomic=10**24)
    assert "1,000,000,000,000,000,000.000001 USDC" in text(shop)


def test_play_money_is_told_from_income_wherever_a_sum_stands(open_shop: OpenShop) -> None:
    shop, today = open_shop(), timezone.now().date()
    shop.sold(amount_atomic=40_000)
    assert "Earned in USDC on Base Sepolia (test network), by day" in text(shop)
    EarningsDay.objects.create(
        seller_id=shop.listing.seller_id, listing_id=shop.listing.pk, day=today,
        network="eip155:8453", asset=DOLLAR, work="answered", money="confirmed", cause="",
        payments=3, amount_atomic=7_000_000,
    )  # fmt: skip
    page = text(shop)
    assert "Earned in USDC on Base, by day" in page, "what sold most"
    glances = page.split('aria-label="Earned lately"')[1].split("</dl>")[0]
    for card in glances.split("<dt>")[1:]:
        income, play = card.split("</dd>")[:2]
        assert "$7.00" in income
        assert '<span class="badge">Base</span>' in income
        assert "$0.04" in play
        assert "Base Sepolia, test network" in play
    for row in page.split('id="by-listing"')[1].split("</table>")[0].split("<tr>")[2:]:
        assert ("test network" in row) is ("$0.04" in row)
    month = shop.client.get(f"{EARNINGS}statements/{today:%Y-%m}").content.decode()
    for row in month.split('id="by-listing"')[1].split("<tbody>")[1].split("</tr>")[:2]:
        assert ("test network" in row) is ("0.04 USDC" in row)
        assert 'class="badge' in row


def test_the_way_from_quote_to_money_says_where_calls_were_lost(open_shop: OpenShop) -> None:
    shop = open_shop()
    today = timezone.now().date()
    ChallengeDay.objects.create(listing_id=shop.listing.pk, day=today, challenges=40)
    shop.sold()
    shop.sold("answer")
    shop.sold("void")
    shop.sold("answer fail")
    page = text(shop)
    for name, count in (("Quoted", 40), ("Paid", 4), ("Answered", 3), ("Settled", 1)):
        assert f'number">{"≈&nbsp;" * (name == "Quoted")}{count}<' in page.split(f'row">{name}')[1]
    failures = page.split('id="failures"')[1].split("</section>")[0]
    assert "Your endpoint failed (5xx)" in failures
    assert "expired" in failures


def test_filters_narrow_what_is_shown(open_shop: OpenShop) -> None:
    shop = open_shop()
    kept = shop.sold(payer=Cast.buyer.address)
    lost = shop.sold("void", payer=Cast.other_buyer.address)
    by_state, by_buyer = text(shop, "?state=final"), text(shop, f"?buyer={Cast.buyer.address}")
    for page in (by_state, by_buyer):
        assert str(kept) in page
        assert str(lost) not in page
    assert "No payment fits" in text(shop, "?state=uncollected")
    assert str(kept) not in text(shop, "?network=eip155:8453")


def test_any_id_or_hash_finds_the_payment_and_only_ones_own(open_shop: OpenShop) -> None:
    shop, stranger = open_shop(), open_shop("globex")
    stranger.sold(purchase={"url": "https://souk.example/globex"})
    payment_id = shop.sold(payer=Cast.buyer.address)
    other = shop.sold("answer", purchase={"url": "https://souk.example/other"})
    payment = Payment.objects.get(pk=payment_id)
    for pasted in (
        str(payment_id),
        f"http://127.0.0.1:8402/p/{payment_id}",
        f" {payment_id}.3 ",
        "0x" + bytes(Progress.objects.get(pk=payment_id).transaction or b"").hex(),
        "0x" + bytes(payment.nonce).hex().upper(),
        "sha256:" + bytes(payment.fingerprint).hex(),
    ):
        query = f"?{urlencode({'q': pasted})}"
        page = text(shop, query)
        assert f'id="sale-{payment_id}"' in page, pasted
        assert f'id="sale-{other}"' not in page, pasted
        assert "No payment to you has this id" in text(stranger, query), pasted
    for pasted in ("nonsense", "0x" + "ab" * 32, "0" * 300, "%", "<b>"):
        assert "No payment to you has this id" in text(shop, f"?{urlencode({'q': pasted})}")


def test_a_wallet_in_the_same_box_shows_what_it_paid(open_shop: OpenShop) -> None:
    shop = open_shop()
    kept = shop.sold(payer=Cast.buyer.address)
    other = shop.sold(payer=Cast.other_buyer.address)
    page = text(shop, f"?q={Cast.buyer.address.lower()}")
    assert f'id="sale-{kept}"' in page
    assert f'id="sale-{other}"' not in page
    assert f'value="{Cast.buyer.address}"' in page
    assert "Earned in" in page, "sums are of the time, as before"


def test_what_is_named_is_found_in_whichever_time_is_shown(open_shop: OpenShop) -> None:
    shop, yesterday = open_shop(), timezone.now().date() - timedelta(days=1)
    payment_id = shop.sold()
    query = f"?period=custom&from={yesterday}&to={yesterday}&state=not_charged"
    assert f'id="sale-{payment_id}"' not in text(shop, query)
    page = text(shop, f"{query}&q={payment_id}")
    assert f'id="sale-{payment_id}"' in page
    assert "Earned in" not in page, "it stands at the top"
    assert f"payments.csv?period=custom&amp;by=day&amp;state=not_charged&amp;q={payment_id}" in page
    rows = shop.client.get(f"{EARNINGS}payments.csv{query}&q={payment_id}")
    assert len(b"".join(rows.streaming_content).splitlines()) == 2


def test_a_dispute_and_its_refund_lead_to_their_sale_and_only_ones_own(open_shop: OpenShop) -> None:
    shop, stranger = open_shop(), open_shop("globex")
    stranger.sold(purchase={"url": "https://souk.example/globex"})
    payment_id = shop.sold(payer=Cast.buyer.address)
    dispute = open_dispute(Payment.objects.get(pk=payment_id), Request(Reason.DEFECTIVE, 1_000))
    paid_back(dispute)
    for pasted in (dispute.pk, "0x" + "12" * 32):
        assert f'id="sale-{payment_id}"' in text(shop, f"?q={pasted}")
        assert "No payment to you has this id" in text(stranger, f"?q={pasted}")


def test_a_time_of_ones_own_can_be_chosen(open_shop: OpenShop) -> None:
    shop, today = open_shop(), timezone.now().date()
    shop.sold(amount_atomic=10_000)
    before = today - timedelta(days=1)
    assert 'value="custom"' in text(shop)
    now = text(shop, f"?period=custom&from={today}&to={today}")
    assert "0.01 USDC" in now
    assert f'name="from" type="date" value="{today}"' in now
    earlier = text(shop, f"?period=custom&from={before}&to={before}")
    assert "No payment in this time" in earlier
    assert f'name="to" type="date" value="{before}"' in earlier


def test_days_far_away_are_the_nearest_that_anything_is_kept_of(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold(amount_atomic=10_000)
    long = text(shop, "?period=custom&from=0202-01-01&by=day")
    assert "Jan 2020" in long
    assert "Dec 2019" not in long
    assert "No payment in this time" in text(shop, "?period=custom&from=9999-12-31")
    assert "0.01 USDC" in text(shop, "?period=custom&to=9999-12-31")


def test_a_calendar_year_is_whole() -> None:
    today = datetime.now(UTC).date()
    _, now = read_span(QueryDict("period=year"), None)
    _, before = read_span(QueryDict("period=last-year"), None)
    assert (now.first, now.last) == (date(today.year, 1, 1), today)
    assert (before.first, before.last) == (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))
    assert (now.step, before.step) == ("month", "month")


def test_all_time_is_as_long_as_a_chart_can_show() -> None:
    _, span = read_span(QueryDict("period=all"), date(1900, 1, 31))
    assert span.step == "month"
    assert len(span.starts()) == BARS_MAX["month"]
    assert span.last == timezone.now().date()


def test_odd_filters_count_as_none(open_shop: OpenShop) -> None:
    shop = open_shop()
    payment_id = shop.sold()
    odd = "?period=x&by=y&listing=../..&network=1&state=<b>&buyer=0x&older=7&from=2026-99-01"
    assert str(payment_id) in text(shop, odd)


def test_a_part_of_the_page_is_the_same_view(open_shop: OpenShop) -> None:
    shop = open_shop()
    payment_id = shop.sold()
    part = text(shop, HX_Request="true")
    assert str(payment_id) in part
    assert "<html" not in part


def test_payments_come_in_pages(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop()
    first, second, third = (shop.sold() for _ in range(3))
    monkeypatch.setattr("payments.reports.sales.sales.__kwdefaults__", {"most": 2})
    newest = text(shop)
    assert [str(each) in newest for each in (first, second, third)] == [False, True, True]
    assert f"older={second}" in newest
    oldest = text(shop, f"?older={second}")
    assert [str(each) in oldest for each in (first, third)] == [True, False]
    assert str(third) in text(shop, f"?newer={first}")


def test_calls_of_the_sellers_own_wallets_are_marked(open_shop: OpenShop, settings: object) -> None:
    shop = open_shop()
    settings.CANARY_ADDRESSES = [Cast.moderator.address.lower()]  # type: ignore[attr-defined]
    shop.sold(payer=Cast.seller.address)
    shop.sold(payer=Cast.moderator.address)
    shop.sold(payer=Cast.buyer.address)
    assert text(shop).count("your own</span>") == 1
    page = shop.client.get(f"{EARNINGS}buyers").content.decode()
    assert page.count("your own</span>") == page.count("trial call</span>") == 1
    assert "3 wallets paid" in page
    part = shop.client.get(f"{EARNINGS}buyers", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<section id="who-paid"')


def test_one_payment_is_shown_with_its_steps(open_shop: OpenShop) -> None:
    shop = open_shop()
    payment_id = shop.sold("void settle")
    page = shop.client.get(f"{EARNINGS}payments/{payment_id}").content.decode()
    assert "you owe them a refund" in page
    assert "paid without an answer" in page
    assert "Your endpoint failed" not in page  # the fixture's void names no reason


def test_a_row_leads_to_a_page_and_fills_a_drawer(open_shop: OpenShop) -> None:
    shop = open_shop()
    payment = shop.sold("answer")
    here = f"{EARNINGS}payments/{payment}"
    row = text(shop).split(f'id="sale-{payment}"')[1].split("</a>")[0]
    assert f'href="{here}"' in row
    assert f'hx-get="{here}?drawer=1"' in row
    drawer = text(shop, f"payments/{payment}?drawer=1", **{"HX-Request": "true"})
    assert 'id="drawer-title"' in drawer
    assert 'hx-trigger="payment from:#drawer-live, ' in drawer
    assert "<html" not in drawer
    assert "<html" in text(shop, f"payments/{payment}?drawer=1"), "without a script it is a page"


def test_a_sellers_payments_are_nobody_elses(open_shop: OpenShop) -> None:
    mine, other = open_shop("acme"), open_shop("other")
    payment_id = mine.sold(payer=Cast.buyer.address)
    assert mine.client.get(f"{EARNINGS}payments/{payment_id}").status_code == 200
    assert other.client.get(f"{EARNINGS}payments/{payment_id}").status_code == 404
    assert str(payment_id) not in text(other)
    for query in (
        f"?listing={mine.listing.slug}", f"?buyer={Cast.buyer.address}", "?state=final",
        f"?older={payment_id}", "?period=all",
    ):  # fmt: skip
        assert f"payments/{payment_id}" not in text(other, query)
    assert Client().get(f"{EARNINGS}payments/{payment_id}").status_code == 302


async def test_the_file_has_every_payment_and_no_formula(open_shop: OpenShop) -> None:
    shop = await sync_to_async(open_shop)()
    evil = '=HYPERLINK("http://attacker.example","City")'
    payment_id = await asyncio.to_thread(shop.sold, purchase={"title": evil})
    client = AsyncClient()
    await client.aforce_login(shop.user)
    response = await client.get(f"{EARNINGS}payments.csv")
    assert response["Content-Type"] == "text/csv"
    body = b"".join([part async for part in response]).decode()  # type: ignore[attr-defined]
    (row,) = csv.DictReader(io.StringIO(body))
    assert row["payment"] == str(payment_id)
    assert row["title"] == f"'{evil}"
    assert (row["amount"], row["atomic_units"], row["token"]) == ("0.002", "2000", "USDC")


def test_a_month_is_a_statement(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.sold(amount_atomic=10_000)
    month = timezone.now().strftime("%Y-%m")
    page = shop.client.get(f"{EARNINGS}statements/{month}").content.decode()
    assert "0.01 USDC" in page
    assert Cast.seller.address in page
    for odd in ("2026-13", "2026-1", "x"):
        assert shop.client.get(f"{EARNINGS}statements/{odd}").status_code == 404


def test_what_a_seller_wrote_stays_text(open_shop: OpenShop) -> None:
    shop = open_shop(title="<script>alert(1)</script> weather")
    shop.sold(purchase={"title": "<img src=x onerror=alert(1)>"})
    page = text(shop)
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
