"""A draft at its private address: the door's own answers, to those who know it, while it lasts."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from marketplace.calls.requests import canonical_url
from payments.models import OpenOffer
from payments.x402.headers import encode_header
from sellers import payout_ends, previews
from sellers.models import Preview, Worksheet
from sellers.on_sale.preview_ends import close_of_listing, forget_previews
from sellers.refusals import ListingRefused
from sellers.site import preview_limits
from sellers.terms import Sample
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import Storefront, in_thread
from tests.fixtures.trying import finished_draft
from tests.fixtures.wallet import authorize
from tests.marketplace.gateway.visitor import App, visit

GUESSED = "/preview/" + "A" * 43


@pytest.fixture
def sheet(storefront: Storefront) -> Worksheet:
    return finished_draft(storefront.draft(), "acme", Cast.seller.address)


@pytest.fixture
def preview(sheet: Worksheet, storefront: Storefront) -> Preview:
    return previews.open_preview(sheet, storefront.site)


def path_of(preview: Preview) -> str:
    return "/preview/" + previews.token_of(preview.pk, preview_limits())


async def test_it_quotes_as_the_door_does(
    preview: Preview, storefront: Storefront, surface: App
) -> None:
    path = path_of(preview)
    for verb, body in (("GET", b""), ("POST", b"{}"), ("HEAD", b"")):
        seen = await visit(surface, verb, path, body=body)
        assert seen.status == 402
        quote = seen.quote
        assert quote["resource"]["url"] == storefront.site.call_base_url + path
        assert [offer["payTo"] for offer in quote["accepts"]] == [Cast.seller.address]
        assert seen["content-security-policy"] == "sandbox; default-src 'none'"
        assert seen["cache-control"] == "no-store"
    page = await visit(surface, "GET", path, {"accept": "text/html"})
    assert "City weather (test call)" in page.body.decode()
    assert path in page.body.decode()
    framed = await visit(surface, "GET", path, {"sec-fetch-dest": "iframe"})
    assert framed.status == 403
    assert (await visit(surface, "GET", f"{path}?demo=true")).json == {"celsius": 21}
    assert storefront.upstream.calls == []


@pytest.mark.parametrize(
    ("content_type", "is_saved"),
    [
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("image/svg+xml", True),
        ("application/xml", True),
        ("application/pdf", True),
        ("application/json; charset=utf-8", False),
        ("application/geo+json", False),
        ("text/plain", False),
        ("image/png", False),
    ],
)
async def test_what_nobody_has_looked_at_is_saved_and_not_shown(
    sheet: Worksheet, storefront: Storefront, surface: App, content_type: str, is_saved: bool
) -> None:
    sample = Sample(200, content_type, b'"<h1>Sign in again</h1>"')

    def opened() -> Preview:
        terms = replace(previews.terms_of(sheet, storefront.site), sample=sample)
        return previews.open_for_checks(sheet.seller, sheet.listing_id, terms)

    path = path_of(await in_thread(opened))
    seen = await visit(surface, "GET", f"{path}?demo=true")
    assert (seen.status, seen.body, seen["content-type"]) == (200, sample.body, content_type)
    assert seen["content-disposition"] == ("attachment" if is_saved else None)


async def test_nothing_of_it_is_for_sale(preview: Preview, surface: App) -> None:
    for path in ("/call/acme/weather", "/call/preview/weather", GUESSED, GUESSED + "/x"):
        assert (await visit(surface, "GET", path)).status == 404
    assert (await visit(surface, "GET", path_of(preview)[:-1])).status == 404
    assert bytes(preview.token_hash) not in path_of(preview).encode()


@pytest.mark.parametrize("payer", [Cast.buyer, Cast.other_seller])
async def test_only_its_own_sellers_wallets_can_pay(
    preview: Preview, storefront: Storefront, surface: App, payer: Any
) -> None:
    path = path_of(preview)
    quote = (await visit(surface, "GET", path)).quote
    paid = {"PAYMENT-SIGNATURE": encode_header(authorize(quote, payer))}
    refused = await visit(surface, "GET", path, paid)
    assert (refused.status, refused.json["error"]) == (403, "not_your_preview")
    assert storefront.upstream.calls == []


def expired(preview: Preview) -> None:
    past = Now() - timedelta(seconds=1)
    Preview.objects.filter(pk=preview.pk).update(
        created_at=Now() - timedelta(hours=2), expires_at=past
    )


def closed(preview: Preview) -> None:
    close_of_listing(preview.listing_id)


def struck(preview: Preview) -> None:
    payout_ends.revoke(Cast.seller.address)


@pytest.mark.parametrize("end", [expired, closed, struck])
async def test_it_ends_at_once(
    preview: Preview, surface: App, end: Callable[[Preview], None]
) -> None:
    path = path_of(preview)
    quote = (await visit(surface, "GET", path)).quote
    await in_thread(end, preview)
    assert (await visit(surface, "GET", path)).status == 404
    paid = {"PAYMENT-SIGNATURE": encode_header(authorize(quote, Cast.seller))}
    assert (await visit(surface, "GET", path, paid)).status == 404
    if end is not expired:
        offers = await in_thread(lambda: list(OpenOffer.objects.filter(listing_id=preview.pk)))
        assert all(offer.closed_at.timestamp() <= time.time() + 1 for offer in offers)


async def test_what_the_checklist_asks_quotes_everything_and_takes_nothing(
    sheet: Worksheet, storefront: Storefront, surface: App
) -> None:
    def opened() -> Preview:
        terms = previews.terms_of(sheet, storefront.site)
        return previews.open_for_checks(sheet.seller, sheet.listing_id, terms)

    looked_at = await in_thread(opened)
    path = path_of(looked_at)
    quote = (await visit(surface, "GET", path)).quote
    paid = {"PAYMENT-SIGNATURE": encode_header(authorize(quote, Cast.seller))}
    assert (await visit(surface, "GET", path, paid)).status == 403
    await in_thread(previews.discard, looked_at)
    assert (await visit(surface, "GET", path)).status == 404


@pytest.mark.django_db(transaction=True)
def test_few_are_alive_and_the_newest_stays(storefront: Storefront, settings: Any) -> None:
    settings.PREVIEWS_PER_SELLER_MAX, settings.PREVIEWS_HOUR_MAX = 2, 4
    made = []
    for _ in range(3):
        sheet = finished_draft(storefront.draft(), "acme", Cast.seller.address)
        made.append(previews.open_preview(sheet, storefront.site))
    again = previews.open_preview(sheet, storefront.site)
    assert set(previews.alive()) == {made[1], again}
    with pytest.raises(ListingRefused):
        previews.open_preview(sheet, storefront.site)


@pytest.mark.django_db(transaction=True)
def test_what_has_ended_is_forgotten_in_time(preview: Preview) -> None:
    Preview.objects.filter(pk=preview.pk).update(sealed={"x-key": "sealed"})
    assert forget_previews() == 0
    preview.refresh_from_db()
    assert preview.sealed  # it is alive
    expired(preview)
    assert forget_previews() == 0
    preview.refresh_from_db()
    assert preview.sealed == {}
    Preview.objects.filter(pk=preview.pk).update(
        created_at=Now() - timedelta(days=32), expires_at=Now() - timedelta(days=31)
    )
    assert forget_previews() == 1


def test_a_previews_address_is_no_listings() -> None:
    token = "B" * 43
    url = canonical_url("https://m.example", f"/preview/{token}", ("a b",), (("q", "1"),))
    assert url == f"https://m.example/preview/{token}/a%20b?q=1"
