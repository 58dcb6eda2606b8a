"""The key that signs calls to an endpoint: its seller has it, who signed in a moment ago."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from payments.wiring.keys import upstream_signing_key
from sellers.models import Listing, Seller
from tests.fixtures.browsers import fresh
from tests.fixtures.hooks import sign_up
from tests.fixtures.programs import program_of
from tests.fixtures.storefront import Storefront

PAGE, KEY_PAGE = "/sell/listings/weather/", "/sell/listings/weather/signing-key"


@pytest.fixture
def seller(stall: Storefront) -> Seller:
    return sign_up("acme")


@pytest.fixture
def listing(stall: Storefront, seller: Seller) -> Listing:
    return stall.publish("acme/weather")


@pytest.fixture
def browser(seller: Seller, listing: Listing) -> Client:
    return fresh(seller.owner)


def key_of(listing: Listing) -> str:
    return upstream_signing_key(str(listing.pk)).hex()


def test_its_seller_is_shown_it_and_no_cache_or_log_has_it(
    browser: Client, listing: Listing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    page = browser.get(PAGE).content.decode()
    assert f'href="{KEY_PAGE}"' in page
    assert key_of(listing) not in page
    shown = browser.get(KEY_PAGE)
    assert f'data-copy="{key_of(listing)}"' in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert key_of(listing) not in caplog.text


def test_a_browser_that_was_left_open_does_not_show_it(browser: Client, listing: Listing) -> None:
    session = browser.session
    session["signed_in_at"] -= 3_600
    session.save()
    sent = browser.get(KEY_PAGE)
    assert sent.status_code == 302
    assert sent["Location"].startswith("/account/sign-in?next=%2Fsell%2Flistings%2Fweather")
    assert key_of(listing).encode() not in sent.content


def test_another_seller_finds_no_such_page(listing: Listing) -> None:
    rival = fresh(sign_up("rival").owner)
    assert rival.get(KEY_PAGE).status_code == 404


def test_a_program_that_may_change_listings_reads_it(seller: Seller, listing: Listing) -> None:
    said = program_of(seller, "listings:write")("GET", f"/listings/{listing.pk}/signing-key")
    assert (said.status, said.document) == (200, {"key": key_of(listing)})


def test_a_program_that_may_only_read_does_not(seller: Seller, listing: Listing) -> None:
    reads = ("listings:read", "money:read", "webhooks:read")
    said = program_of(seller, *reads)("GET", f"/listings/{listing.pk}/signing-key")
    assert (said.status, said.document["scope"]) == (403, "listings:write")
