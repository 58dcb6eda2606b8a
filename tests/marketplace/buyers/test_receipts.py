"""What a buyer sees of what their wallets bought: all of it, and nobody else's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payments.disputes.cases import Request, open_dispute
from payments.models import Payment, Progress, Reason
from payments.reports.finding import find
from payments.wallets.payers import Payer
from payments.x402.schemes import exact_eip3009
from payments.x402.types import Authorization
from sellers import listings
from tests.fixtures.buying import Owner, owner
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import USDC
from tests.fixtures.shop import Shop
from tests.marketplace.test_dispute_pages import paid_back

BUY = "/buy/"
OpenShop = Callable[..., Shop]
MINE, OTHER = Cast.buyer.address, Cast.other_buyer.address


def test_a_visitor_is_asked_to_sign_in(db: None) -> None:
    for address in (BUY, f"{BUY}receipts.csv", f"{BUY}receipts.json", f"{BUY}spend/"):
        response = Client().get(address)
        assert response["Location"].startswith("/account/sign-in"), address


def test_without_a_wallet_the_page_says_how_to_link_one(db: None) -> None:
    user = User.objects.create_user("nobody")
    nobody = Owner(user)
    nobody.client.force_login(user)
    for address in (BUY, f"{BUY}spend/"):
        page = nobody.text(address)
        assert "No wallet is linked" in page
        assert 'href="/account/#wallets"' in page
    assert nobody.text(f"{BUY}receipts.csv").count("time_utc") == 1


def test_a_wallet_that_bought_nothing_is_told_so(db: None) -> None:
    buyer = owner()
    assert "Your wallets bought nothing here yet" in buyer.text(BUY)
    assert "Nothing was spent yet" in buyer.text(f"{BUY}spend/")
    assert buyer.text(f"{BUY}receipts.json") == "[]"


def test_what_is_still_for_sale_is_a_link_to_where_it_can_be_bought(open_shop: OpenShop) -> None:
    shop = open_shop()
    payment_id = shop.sold(payer=MINE)
    buyer, link = owner(), 'href="/l/acme/weather"'
    receipt = f"/p/{payment_id}"
    for page in (buyer.text(BUY), buyer.text(receipt, Accept="text/html")):
        assert link in page
        assert "acme/weather" in page
    listings.pause(shop.listing.pk)
    for page in (buyer.text(BUY), buyer.text(receipt, Accept="text/html")):
        assert link not in page
        assert "acme/weather" in page
    assert "not for sale now" in page


def test_everything_is_there_at_once_also_from_before_the_first_sign_in(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    bought = [shop.sold(payer=MINE), shop.sold("answer", payer=MINE), shop.sold(payer=OTHER)]
    late = owner("late", MINE, OTHER)
    page = late.text(BUY)
    assert all(str(each) in page for each in bought)
    assert page.index(str(bought[2])) < page.index(str(bought[0]))
    of_one = late.text(f"{BUY}?q={OTHER}")
    assert [str(each) in of_one for each in bought] == [False, False, True]


def test_with_several_wallets_a_row_shows_who_paid_whom(open_shop: OpenShop) -> None:
    open_shop().sold(payer=MINE)
    page = owner("both", MINE, OTHER).text("/buy/")
    cell = page.split('data-label="From, to"')[1].split("</td>")[0]
    assert cell.count('<span class="address">') == 2
    assert "&lt;" not in cell, "markup that is shown as text"


def test_only_ones_own_wallets_are_shown(open_shop: OpenShop) -> None:
    shop = open_shop()
    theirs, mine = shop.sold(payer=OTHER), shop.sold(payer=MINE)
    buyer = owner()
    for address in (BUY, f"{BUY}?wallet={OTHER}", f"{BUY}receipts.csv", f"{BUY}receipts.json"):
        page = buyer.text(address)
        assert str(mine) in page, address
        assert str(theirs) not in page, address
    assert str(mine) not in buyer.text(f"{BUY}?older={theirs}")


def test_a_contracts_address_counts_on_its_own_chain_only(open_shop: OpenShop) -> None:
    """Elsewhere somebody else may stand behind it."""
    payment_id = open_shop().sold(payer=MINE)
    elsewhere = owner("elsewhere", network="eip155:8453")
    assert str(payment_id) not in elsewhere.text(BUY)
    assert "Nothing was spent" in elsewhere.text(f"{BUY}spend/?period=all")
    page = elsewhere.text(f"/p/{payment_id}", Accept="text/html")
    assert "Fetch the answer again" not in page


def test_filters_narrow_what_is_shown(open_shop: OpenShop) -> None:
    acme, zeta = open_shop("acme"), open_shop("zeta")
    kept = acme.sold(payer=MINE, amount_atomic=30_000)
    lost = zeta.sold("void", payer=MINE, amount_atomic=500_000)
    zeta.sold(payer=MINE, amount_atomic=500_000)
    buyer = owner()
    for query in (
        "?state=final&max=0.03",
        "?listing=acme/weather",
        "?seller=acme",
        "?network=eip155:84532&seller=acme&period=7d",
        "?min=0.02&max=$0.4",
    ):
        page = buyer.text(BUY + query)
        assert str(kept) in page, query
        assert str(lost) not in page, query
    for query in (
        "?state=uncollected",
        "?network=eip155:8453",
        "?min=9",
        "?period=custom&from=2021-01-01&to=2021-01-02",
    ):
        page = buyer.text(BUY + query)
        assert "No payment fits" in page, query
        assert "Nothing was paid in what is shown" in page, query
    odd = "?period=x&listing=../..&seller=<b>&network=1&state=%01&wallet=0x&older=7&min=-1&max=1e9"
    assert str(kept) in buyer.text(BUY + odd)


def test_any_id_or_hash_finds_the_payment_and_only_ones_own(open_shop: OpenShop) -> None:
    shop = open_shop()
    payment_id = shop.sold(payer=MINE)
    shop.sold("answer", payer=MINE, purchase={"url": "https://souk.example/other"})
    payment = Payment.objects.get(pk=payment_id)
    buyer, stranger = owner(), owner("stranger", OTHER)
    for text in (
        str(payment_id),
        f"http://127.0.0.1:8402/p/{payment_id}",
        f"{payment_id}.3",
        "0x" + bytes(Progress.objects.get(pk=payment_id).transaction or b"").hex(),
        "0x" + bytes(payment.nonce).hex(),
        "sha256:" + bytes(payment.fingerprint).hex(),
    ):
        assert buyer.client.get(BUY, {"q": text})["Location"] == f"/p/{payment_id}", text
        assert "Nothing of yours has this id" in stranger.text(f"{BUY}?{urlencode({'q': text})}")
    part = buyer.client.get(BUY, {"q": str(payment_id)}, headers={"HX-Request": "true"})
    assert part["HX-Redirect"] == f"/p/{payment_id}"
    paid_to = buyer.text(f"{BUY}?q={payment.pay_to.lower()}")
    assert f'href="/p/{payment_id}"' in paid_to
    assert "1 payment<" in paid_to
    for text in ("nonsense", "0x" + "ab" * 32, "0" * 300, "%", "<b>"):
        assert "Nothing of yours has this id" in buyer.text(f"{BUY}?{urlencode({'q': text})}")


def test_a_dispute_and_its_refund_lead_to_their_payment_and_only_ones_own(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    disputed, other = shop.sold(payer=MINE), shop.sold(payer=MINE)
    dispute = open_dispute(Payment.objects.get(pk=disputed), Request(Reason.DEFECTIVE, 1_000))
    paid_back(dispute)
    buyer, stranger = owner(), owner("stranger", OTHER)
    for text in (str(dispute.pk), f"/buy/disputes/{dispute.pk}", "0x" + "12" * 32):
        assert buyer.client.get(BUY, {"q": text})["Location"] == f"/p/{disputed}", text
        assert "Nothing of yours has this id" in stranger.text(f"{BUY}?{urlencode({'q': text})}")
    assert str(other) in buyer.text(BUY)


def test_a_time_of_ones_own_is_open_until_days_are_given(open_shop: OpenShop) -> None:
    """Choosing it narrows nothing yet, and its fields are there to be filled in."""
    shop = open_shop()
    payment_id = shop.sold(payer=MINE)
    long_ago = datetime.now(UTC) - timedelta(days=400)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")  # past the guard
        Payment.objects.filter(pk=payment_id).update(created_at=long_ago)
    buyer = owner()
    page = buyer.text(f"{BUY}?period=custom&from=&to=")
    assert str(payment_id) in page
    assert 'value="custom" selected' in page
    assert page.count('type="date" value=""') == 2
    day = long_ago.date()
    for query, is_shown in (
        (f"from={day}", True), (f"from={day + timedelta(days=1)}", False),
        (f"to={day}", True), (f"to={day - timedelta(days=1)}", False),
        (f"from={day}&to={day}", True), (f"from={day}&to={day - timedelta(days=9)}", True),
    ):  # fmt: skip
        page = buyer.text(f"{BUY}?period=custom&{query}")
        assert (f'href="/p/{payment_id}"' in page) is is_shown, query
    kept = buyer.text(f"{BUY}?period=custom&from={day}")
    assert f'name="from" type="date" value="{day}"' in kept
    assert f"receipts.csv?period=custom&amp;by=month&amp;from={day}" in kept
    assert 'name="from" type="date" value=""' in buyer.text(BUY), "they wait to be shown"


def test_a_nonce_leads_to_its_payment_by_the_index(open_shop: OpenShop) -> None:
    """Also behind ten thousand newer ones: the identity is made of it."""
    shop, nonce = open_shop(), b"n" * 32
    promise = Authorization(MINE, Cast.seller.address, 2_000, 0, 2**31, nonce, b"s" * 65)
    payment_id = shop.sold(
        payer=MINE,
        pay_to=Cast.seller.address,
        authorization=promise,
        identity=exact_eip3009.identity(84532, USDC, promise),
    )
    with CaptureQueriesContext(connection) as asked:
        assert find((Payer(MINE),), "0x" + nonce.hex()).payments == (payment_id,)
    assert len(asked) == 2


def test_payments_come_in_pages(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop()
    first, second, third = (
        shop.sold(payer=payer, purchase={"url": f"https://souk.example/{place}"})
        for place, payer in enumerate((MINE, OTHER, MINE))
    )
    buyer = owner("both", MINE, OTHER)
    monkeypatch.setattr("payments.reports.purchases.ROWS_ON_A_PAGE", 2)
    newest = buyer.text(BUY)
    assert [f"/p/{each}" in newest for each in (first, second, third)] == [False, True, True]
    assert f"older={second}" in newest
    oldest = buyer.text(f"{BUY}?older={second}")
    assert [f"/p/{each}" in oldest for each in (first, third)] == [True, False]
    assert f"/p/{third}" in buyer.text(f"{BUY}?newer={first}")


def test_totals_are_of_what_is_filtered(open_shop: OpenShop) -> None:
    shop = open_shop()
    for amount in (10_000, 200_000):
        shop.sold(payer=MINE, amount_atomic=amount)
    shop.sold("void", payer=MINE, amount_atomic=3_000_000)
    shop.sold("void settle", payer=MINE, amount_atomic=40_000_000)
    shop.sold(payer=OTHER, amount_atomic=500_000_000)
    buyer = owner()

    def totals(query: str) -> str:
        return buyer.text(BUY + query).split('aria-label="Totals"')[1].split("</section>")[0]

    assert "40.21 USDC" in totals("")
    assert "in 3 payments" in totals("")
    assert "40 USDC" in totals("?state=paid_unanswered")
    assert "0.2 USDC" in totals("?min=0.1&max=1")
    assert "Nothing was paid" in totals("?state=not_charged")


def test_payments_that_can_change_are_listened_to(open_shop: OpenShop) -> None:
    shop = open_shop()
    buyer = owner()
    shop.sold(payer=MINE)
    assert "hx-sse:connect" not in buyer.text(BUY)
    waiting = shop.sold("answer", payer=MINE)
    page = buyer.text(BUY)
    assert f"payment%3A{waiting}" in page
    part = buyer.text(BUY, HX_Request="true")
    assert part.startswith('<div id="receipts"')


def test_paying_twice_for_the_same_within_a_minute_is_noticed(open_shop: OpenShop) -> None:
    shop = open_shop()
    first = shop.sold(payer=MINE)
    shop.sold(payer=OTHER)
    shop.sold("void", payer=MINE)  # which was not charged
    shop.sold(payer=MINE, purchase={"url": "https://souk.example/another"})
    buyer = owner()
    assert "Paid twice?" not in buyer.text(BUY)
    second = shop.sold(payer=MINE)
    page = buyer.text(BUY)
    assert page.count("Paid twice?") == 1
    assert f'href="/p/{first}">same request' in page
    for one, other in ((first, second), (second, first)):
        receipt = buyer.text(f"/p/{one}", Accept="text/html")
        assert f'href="/p/{other}">the same request' in receipt
    assert "Paid twice?" not in owner("x", OTHER).text(f"/p/{second}", Accept="text/html")


def test_the_file_is_fit_for_books(open_shop: OpenShop) -> None:
    shop = open_shop()
    payment_id = shop.sold(payer=MINE, purchase={"title": "=cmd()"}, amount_atomic=1)
    shop.sold("answer", payer=MINE)
    buyer = owner()
    (_, row), raw = _rows(buyer)[:2], buyer.text(f"{BUY}receipts.csv")
    assert "'=cmd()" in raw
    payment = Payment.objects.get(pk=payment_id)
    progress = Progress.objects.get(pk=payment_id)
    expected = {
        "receipt": f"{payment_id}.{progress.version}", "seller": "acme", "gross": "0.000001",
        "gross_atomic": "1", "symbol": "USDC", "decimals": "6", "asset": payment.asset,
        "counterparty": payment.pay_to, "block": str(progress.block_number), "status": "final",
        "transaction": "0x" + bytes(progress.transaction or b"").hex(),
    }  # fmt: skip
    assert expected.items() <= row.items()
    assert row["time_utc"].endswith("Z")
    objects = json.loads(buyer.text(f"{BUY}receipts.json"))
    assert [each["payment"] for each in objects] == [each["payment"] for each in _rows(buyer)]
    assert objects[1]["title"] == "=cmd()"
    assert objects[0]["receipt"] == ""


def test_a_long_file_is_written_in_parts(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop()
    bought = [str(shop.sold("void", payer=MINE)) for _ in range(5)]
    monkeypatch.setattr("payments.reports.purchases.ROWS_AT_ONCE", 2)
    buyer = owner()
    assert [row["payment"] for row in _rows(buyer)] == bought[::-1]
    assert len(json.loads(buyer.text(f"{BUY}receipts.json"))) == 5


def _rows(buyer: Owner) -> list[dict[str, Any]]:
    response: Any = buyer.client.get(f"{BUY}receipts.csv")
    return list(csv.DictReader(io.StringIO(b"".join(response).decode())))
