"""Sellers accept the terms of a date: with opening a seller, and again when the date is new."""

from __future__ import annotations

from datetime import date

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from sellers import agreements
from sellers.models import Agreement
from sellers.profile.directory import open_seller
from sellers.refusals import ListingRefused
from tests.fixtures.cast import Cast
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.sellers.desk import ASSET, NETWORK, Desk, open_desk

pytestmark = pytest.mark.django_db
NEW = date(2027, 3, 1)


@pytest.fixture
def desk(settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    return open_desk("ada", Cast.seller, upstream.url)


def test_opening_a_seller_accepts_the_terms_it_names(desk: Desk) -> None:
    kept = Agreement.objects.get(seller=desk.seller)
    assert kept.terms == date(2026, 11, 1)
    page = desk.client.get("/sell/terms").content.decode()
    assert "Terms of 1 November 2026" in page
    assert "You accepted them on" in page
    assert "not accepted yet" not in desk.client.get("/sell/").content.decode()


def test_new_terms_are_accepted_before_anything_new_is_proposed(
    desk: Desk, settings: Settings
) -> None:
    desk.prove()
    sheet = desk.start()
    desk.fill(sheet)
    settings.TERMS_DATE = NEW
    assert "not accepted yet" in desk.client.get("/sell/").content.decode()
    refused = desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    assert refused.status_code == 422
    said = refused.content.decode()
    assert 'Accept the terms of 1 March 2027 at /sell/terms first. <a href="/sell/terms">' in said
    desk.client.post("/sell/terms", {"terms": "2027-03-01"})
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302
    page = desk.client.get("/sell/terms").content.decode()
    assert "Earlier: 1 November 2026" in page


def test_a_yes_to_terms_that_were_changed_meanwhile_is_none(desk: Desk, settings: Settings) -> None:
    settings.TERMS_DATE = NEW
    page = desk.client.post("/sell/terms", {"terms": "2026-11-01"}, follow=True).content.decode()
    assert "changed meanwhile" in page
    assert agreements.agreement_of(desk.seller) is None


def test_the_operators_own_sellers_need_no_yes() -> None:
    seller = open_seller("acme")
    agreements.refuse_unagreed(seller)
    seller.owner_id = 7
    with pytest.raises(ListingRefused, match="accept the terms"):
        agreements.refuse_unagreed(seller)
