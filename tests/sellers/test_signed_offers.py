"""The site's signature under its quotes: right, renewed while buyers ask, never beside another."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings
from x402.schemas import PaymentRequired

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.models import ChallengeCount, OpenOffer
from payments.receipts.signing import Signer, did_document, did_web, generate_pem
from payments.wiring.keys import receipt_key_document, receipt_signer
from payments.x402.headers import encode_json
from sellers import listings, signed_offers
from sellers.extensions.bazaar import Shed
from sellers.extensions.offer_receipt import SignedPrices, sign_prices
from sellers.models import Listing, SignedOffers
from sellers.offers import HEADER_BYTES_MAX, challenge, header_bytes, quote, resource_url
from sellers.prices import Ask
from sellers.publishing import publish, republish
from sellers.signed_offers import VALID_SECONDS, forget_unsold, last_signed, sign_due
from sellers.tasks import sign_offers
from sellers.terms import Terms
from tests.fixtures.promises import promised
from tests.sellers.conftest import BASE, SEPOLIA, SITE, WALLET

URL = resource_url(SITE.call_base_url, "acme/weather")
SIGNER = Signer.from_pem(generate_pem(), did_web(SITE.public_base_url))
KEY = did_document(SIGNER.public_key, SIGNER.did)
TWO_PRICES = (Ask("0.02", SEPOLIA, WALLET), Ask("0.01", BASE, WALLET))
LATER = 2_000_000_000


def sold(terms: Terms) -> Listing:
    return publish("acme", "weather", terms, SITE)


def kept(listing: Listing) -> SignedPrices:
    """What was signed of the terms that a listing is sold on."""
    listing.refresh_from_db()
    found = last_signed(listing.live_revision)
    assert found is not None
    return found


def quoted(listing: Listing, signed: SignedPrices | None):
    listing.refresh_from_db()
    terms = Terms.from_json(listing.live_revision.terms)
    prices = OpenOffer.objects.filter(listing_id=listing.pk, closed_at__isnull=True)
    made = challenge(terms, quote(terms, prices, SITE), URL, SITE, signed).challenge
    return json.loads(encode_json(made.to_wire()))


def promises_in(document) -> list:
    """Each signed price with the `accepts` entry it stands for, its signature checked."""
    offers = document["extensions"]["offer-receipt"]["info"]["offers"]
    assert {offer["format"] for offer in offers} == {"jws"}
    return [
        (promised(offer["signature"], KEY), document["accepts"][offer["acceptIndex"]])
        for offer in offers
    ]


def pass_time(seconds: float) -> None:
    SignedOffers.objects.update(signed_at=F("signed_at") - timedelta(seconds=seconds))


def ask_for(listing: Listing, *, minutes_ago: int = 0) -> None:
    minute = timezone.now() - timedelta(minutes=minutes_ago)
    ChallengeCount.objects.create(listing_id=listing.pk, minute=minute, challenges=1)


@pytest.mark.django_db
def test_every_price_of_a_quote_is_promised(make_terms):
    listing = sold(make_terms(prices=TWO_PRICES))
    before = datetime.now(UTC).timestamp()
    assert sign_due(SIGNER, SITE) == 1
    document = quoted(listing, kept(listing))
    PaymentRequired.model_validate(document)
    found = promises_in(document)
    assert [accepted for _, accepted in found] == document["accepts"]
    for promise, accepted in found:
        assert before + VALID_SECONDS - 1 <= promise.pop("validUntil") <= before + 2 * VALID_SECONDS
        same = {key: accepted[key] for key in ("scheme", "network", "asset", "payTo", "amount")}
        assert promise == {"version": 1, "resourceUrl": URL, **same}


@pytest.mark.django_db
def test_a_promise_that_was_touched_is_nobodys(make_terms):
    listing = sold(make_terms())
    sign_due(SIGNER, SITE)
    (jws,) = kept(listing).jws
    head, body, signature = jws.split(".")
    said = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert promised(jws, KEY) == json.loads(said)
    cheaper = urlsafe_b64encode(said.replace(b'"10000"', b'"00100"')).rstrip(b"=").decode()
    assert cheaper != body
    with pytest.raises(InvalidSignature):
        promised(f"{head}.{cheaper}.{signature}", KEY)


@pytest.mark.django_db
def test_what_buyers_ask_for_is_signed_again_each_minute(make_terms):
    listing = sold(make_terms())
    assert sign_due(SIGNER, SITE) == 1
    ask_for(listing)
    assert sign_due(SIGNER, SITE) == 0
    pass_time(61)
    first = SignedOffers.objects.get().signed_at
    assert sign_due(SIGNER, SITE) == 1
    assert SignedOffers.objects.get().signed_at > first
    assert sign_due(SIGNER, SITE) == 0


@pytest.mark.django_db
def test_what_nobody_asks_for_is_left_to_run_out(make_terms):
    listing = sold(make_terms())
    sign_due(SIGNER, SITE)
    pass_time(3_600)
    ask_for(listing, minutes_ago=16)
    assert sign_due(SIGNER, SITE) == 0
    ask_for(listing)
    assert sign_due(SIGNER, SITE) == 1


@pytest.mark.django_db
def test_one_round_is_bounded_and_the_longest_unsigned_come_first(make_terms, monkeypatch):
    old = sold(make_terms())
    older = publish("acme", "tides", make_terms(title="Tides of a city"), SITE)
    assert sign_due(SIGNER, SITE) == 2
    for listing, minutes in ((old, 2), (older, 3)):
        ask_for(listing)
        past = timezone.now() - timedelta(minutes=minutes)
        row = SignedOffers.objects.filter(revision__listing=listing)
        row.update(signed_at=past, valid_until_unix=0)
    monkeypatch.setattr(signed_offers, "REVISIONS_AT_ONCE", 1)
    assert sign_due(SIGNER, SITE) == 1
    assert kept(older).valid_until_unix > kept(old).valid_until_unix == 0
    assert sign_due(SIGNER, SITE) == 1
    assert kept(old).valid_until_unix > 0
    assert sign_due(SIGNER, SITE) == 0


@pytest.mark.django_db
def test_what_many_changes_hid_is_signed_once_a_buyer_asks(make_terms, monkeypatch):
    monkeypatch.setattr(signed_offers, "REVISIONS_AT_ONCE", 1)
    hidden = sold(make_terms())
    publish("acme", "tides", make_terms(title="Tides of a city"), SITE)
    assert [sign_due(SIGNER, SITE) for _ in range(2)] == [1, 0]
    ask_for(hidden)
    assert sign_due(SIGNER, SITE) == 1
    assert kept(hidden).jws


@pytest.mark.django_db
def test_a_new_price_is_promised_anew(make_terms):
    listing = sold(make_terms())
    sign_due(SIGNER, SITE)
    before = kept(listing)
    republish(listing, make_terms(prices=(Ask("0.02", SEPOLIA, WALLET),)), SITE)
    # The old promise is of another price, so it does not stand beside the new one.
    assert "offer-receipt" not in quoted(listing, before)["extensions"]
    assert sign_due(SIGNER, SITE) == 1
    ((promise, accepted),) = promises_in(quoted(listing, kept(listing)))
    assert promise["amount"] == accepted["amount"] == "20000"


@pytest.mark.django_db
def test_only_what_is_for_sale_is_signed_and_what_is_gone_is_forgotten(make_terms):
    listing = sold(make_terms())
    sign_due(SIGNER, SITE)
    listings.pause(listing.pk)
    assert forget_unsold() == 0  # it has not run out yet
    pass_time(VALID_SECONDS + 1)
    other = publish("acme", "tides", make_terms(title="Tides of a city"), SITE)
    sign_due(SIGNER, SITE)
    pass_time(VALID_SECONDS + 1)
    assert forget_unsold() == 1
    assert SignedOffers.objects.get().revision.listing == other
    assert sign_due(SIGNER, SITE) == 0
    listings.resume(listing.pk)
    assert sign_due(SIGNER, SITE) == 1


@pytest.fixture
def worker_settings(settings) -> Iterator[Settings]:
    """Settings of a worker on one network, whose key nobody remembers from another test."""
    receipt_signer.cache_clear()
    accepted = SITE.accepts(SEPOLIA)
    settings.CHAINS = {SEPOLIA: {**CHAIN_DEFAULTS, "ASSETS": [accepted.asset.address]}}
    yield settings
    receipt_signer.cache_clear()


@pytest.mark.django_db
def test_the_worker_signs_with_the_receipt_key_and_without_one_not_at_all(
    make_terms, worker_settings
):
    listing = sold(make_terms())
    sign_offers()
    assert not SignedOffers.objects.exists()
    worker_settings.RECEIPT_KEY = generate_pem()
    sign_offers()
    (jws,) = kept(listing).jws
    assert promised(jws, receipt_key_document())["amount"] == "10000"


def test_a_promise_stands_beside_its_own_price_only(make_terms):
    terms = make_terms(prices=TWO_PRICES)
    one = replace(terms, prices=terms.prices[:1])
    offers, fewer = (quote(each, opened(each), SITE) for each in (terms, one))
    signed = sign_prices([offer.requirements for offer in fewer], URL, LATER, SIGNER)
    document = json.loads(
        encode_json(challenge(terms, offers, URL, SITE, signed).challenge.to_wire())
    )
    ((promise, accepted),) = promises_in(document)
    assert (promise["network"], promise["amount"]) == (SEPOLIA, "20000")
    assert accepted["network"] == SEPOLIA
    elsewhere = challenge(terms, offers, URL + "-2", SITE, signed).challenge
    assert "offer-receipt" not in elsewhere.extensions


def test_a_402_that_grows_too_long_sheds_the_promise_after_the_outputs_schema(make_terms):
    sizes = []
    for words in range(0, 240, 4):
        note = {"type": "string", "description": "x" * 10}
        body = {"type": "object", "properties": {f"n{i}": note for i in range(words)}}
        terms = make_terms(
            method="POST", input_schema={"properties": {"body": body}}, example={"body": {}}
        )
        offers = quote(terms, opened(terms), SITE)
        accepts = [offer.requirements for offer in offers]
        written = challenge(terms, offers, URL, SITE, sign_prices(accepts, URL, LATER, SIGNER))
        assert header_bytes(written.challenge) <= HEADER_BYTES_MAX
        assert written.shed == tuple(step for step in Shed if step in written.shed)
        carried = "offer-receipt" in written.challenge.extensions
        assert carried == (Shed.OFFER_RECEIPT not in written.shed)
        sizes.append((carried, Shed.OUTPUT_SCHEMA in written.shed))
    assert (True, False) in sizes
    assert (True, True) in sizes
    assert (False, True) in sizes
    assert (False, False) not in sizes


def opened(terms: Terms):
    """The rows that publishing these terms opens."""
    return [
        OpenOffer(
            network=price.network,
            scheme=price.scheme,
            asset=price.asset,
            pay_to=price.pay_to,
            amount_atomic=price.amount_atomic,
        )
        for price in terms.prices
    ]
