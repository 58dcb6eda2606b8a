"""Who paid a seller most is counted elsewhere: the pages are told when that is done."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.http import QueryDict
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from payments.models import BuyerDay, BuyersLook, EarningsDay
from payments.reports import kept_buyers
from payments.reports.earnings import first_sale
from sellers.earnings.earnings_filters import offerings, read_filters
from sellers.models import Listing
from tests.browser.chromium import Chromium, Seen
from tests.browser.test_live_pages import PATIENCE_MS, streams
from tests.browser.test_live_parts import asked, let_time_pass
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.stack import Stack

# What a worker writes; a browser's thread has no models.
COUNTED = """
    update payments_buyerslook set found = %s::jsonb, made_at = now(), due_at = null
     where seller_id = %s returning 1
"""
SUMMED = "update payments_earningsday set payments = 777 where listing_id = %s returning 1"
TOLD = """
    insert into payments_earningsversion (seller_id, version) values (%s, 1)
        on conflict (seller_id) do update set version = payments_earningsversion.version + 1
    returning 1
"""
LISTEN = """
    document.querySelector("#live").addEventListener("buyers", () => {
        document.body.dataset.told = "";
    })
"""
FIRST, SECOND = ("0x" + letter * 40 for letter in "ab")


@contextlib.contextmanager
def busy_seller(stack: Stack) -> Iterator[Listing]:
    """The seller `tests`, whom so many paid that a worker counts them; none takes this count."""
    path = stack.sell().path
    with stack.database():
        listing = Listing.objects.select_related("seller").get(slug=path.split("/")[1])
        sold = {
            "seller_id": listing.seller_id, "listing_id": listing.pk, "network": NETWORK,
            "asset": USDC, "day": datetime.now(UTC).date(), "payments": 1, "amount_atomic": 1_000,
        }  # fmt: skip
        EarningsDay.objects.create(**sold, work="answered", money="confirmed", cause="")
        BuyerDay.objects.bulk_create(
            BuyerDay(**sold, payer=f"0x{n:040x}") for n in range(kept_buyers.ROWS_AT_ONCE_MAX + 1)
        )
        seller = listing.seller
        looked = read_filters(QueryDict(), seller, offerings(seller), first_sale(seller.pk)).look
        kept_buyers.kept_buyers(looked)
        assert BuyersLook.objects.filter(seller_id=seller.pk).update(
            due_at=timezone.now() + timedelta(days=1),
            made_at=timezone.now() - timedelta(minutes=5),
            found=paid((FIRST, 2), (SECOND, 1)),
        )
    try:
        yield listing
    finally:
        with stack.database():
            BuyersLook.objects.filter(seller_id=seller.pk).delete()
            for days in (BuyerDay.objects, EarningsDay.objects):
                days.filter(listing_id=listing.pk).delete()


def paid(*buyers: tuple[str, int]) -> dict[str, object]:
    """What a count came to, as it is kept."""
    top = [[payer, payments, NETWORK, USDC, "1000"] for payer, payments in buyers]
    return {"unique": len(buyers), "top": top}


def test_who_paid_is_told_over_the_stream_of_the_earnings_page(
    browser: Chromium, stack: Stack
) -> None:
    def watch(page: Page, seen: Seen) -> list[str]:
        page.clock.install()
        page.goto(f"{stack.base_url}/sell/earnings/")
        part = page.locator("#who-paid")
        expect(part).to_contain_text("being counted anew")
        theirs = part.get_by_role("row").filter(has_text=FIRST[-4:]).get_by_role("link").last
        theirs.focus()
        let_time_pass(page)
        assert asked(seen, "/sell/earnings/buyers") == 1, "as the page came"
        found = paid((SECOND, 5), (FIRST, 3), ("0x" + "c" * 40, 1))
        stack.rows(COUNTED, json.dumps(found), sold.seller_id)
        expect(part).to_contain_text("3 wallets paid", timeout=PATIENCE_MS)
        expect(part.get_by_role("row").nth(1)).to_contain_text(SECOND[-4:])
        expect(theirs).to_be_focused()
        stack.rows(SUMMED, sold.pk)
        stack.rows(TOLD, sold.seller_id)
        expect(page.locator("#earnings")).to_contain_text("777", timeout=PATIENCE_MS)
        expect(part).to_contain_text("3 wallets paid")
        expect(theirs).to_be_focused()
        assert (streams(seen), asked(seen, "/sell/earnings/buyers")) == (1, 2)
        return [*seen.stopped_by, *seen.complaints]

    with busy_seller(stack) as sold, signed_in(stack) as cookie:
        assert browser.visit(watch, headers=cookie) == []


def test_a_count_that_is_over_while_the_part_is_asked_for_is_not_missed(
    browser: Chromium, stack: Stack
) -> None:
    """It is told once: between what is read for the part and the part's coming."""
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    def watch(page: Page, seen: Seen) -> None:
        page.route("**/sell/earnings/buyers?*", hold_first)
        with page.expect_request("**/sell/earnings/buyers?*"):
            page.goto(f"{stack.base_url}/sell/earnings/")
        page.evaluate(LISTEN)
        counting = held[0].fetch()
        stack.rows(COUNTED, json.dumps(paid((FIRST, 9))), sold.seller_id)
        expect(page.locator("body[data-told]")).to_be_attached(timeout=PATIENCE_MS)
        held[0].fulfill(response=counting)
        expect(page.locator("#who-paid")).to_contain_text("1 wallet paid")

    with busy_seller(stack) as sold, signed_in(stack) as cookie:
        browser.visit(watch, headers=cookie)


def test_the_buyers_own_page_is_told_and_its_stream_ends(browser: Chromium, stack: Stack) -> None:
    def watch(page: Page, seen: Seen) -> list[str]:
        page.clock.install()
        page.goto(f"{stack.base_url}/sell/earnings/buyers")
        part = page.locator("#who-paid")
        expect(part).to_contain_text("being counted anew")
        let_time_pass(page)
        assert asked(seen, "alone=1") == 0
        stack.rows(COUNTED, json.dumps(paid((FIRST, 9))), sold.seller_id)
        expect(part).to_contain_text("1 wallet paid", timeout=PATIENCE_MS)
        expect(page.locator("#live")).to_have_count(0)
        assert (streams(seen), asked(seen, "alone=1")) == (1, 1)
        return [*seen.stopped_by, *seen.complaints]

    with busy_seller(stack) as sold, signed_in(stack) as cookie:
        assert browser.visit(watch, headers=cookie) == []
