"""What becomes of a listing after it was submitted: edits, refusals, pauses, wallets taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.utils import timezone
from eth_account.messages import encode_defunct
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.models import OpenOffer
from sellers import judging, listings
from sellers.models import Listing, Payout
from sellers.refusals import ListingRefused, Why
from tests.fixtures.cast import Cast
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.sellers.desk import ASSET, NETWORK, TOKEN, Desk, open_desk

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture
def desk(settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    return open_desk("atlas", Cast.seller, upstream.url)


def approve(listing: Listing, *, cooldown_seconds: int = 0) -> Listing:
    listing.refresh_from_db()
    assert listing.proposed_revision is not None
    revision_hash = bytes(listing.proposed_revision.hash)
    return judging.approve(
        listing.pk, revision_hash, grace_seconds=300, cooldown_seconds=cooldown_seconds
    )


def open_amounts(listing: Listing) -> list[int]:
    now = OpenOffer.objects.filter(listing_id=listing.pk, closed_at__isnull=True)
    return [int(offer.amount_atomic) for offer in now]


def test_a_change_touches_nothing_that_is_live_until_it_is_approved(desk: Desk) -> None:
    listing = approve(desk.submitted())
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    assert sheet.typed[f"price:{TOKEN}"] == "0.01"
    desk.step(sheet, "price", **{f"price:{TOKEN}": "0.02"})
    desk.step(sheet, "words", title="City weather", slug="renamed", description="Now and tomorrow.")
    assert open_amounts(listing) == [10_000]
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302
    assert open_amounts(listing) == [10_000]
    listing.refresh_from_db()
    assert (listing.state, listing.slug) == (Listing.State.LIVE, "weather")
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert "+100 %" in page
    assert "<ins>" in page
    approve(listing)
    assert open_amounts(listing) == [20_000]
    # Who was quoted the old price can still pay it, for a while.
    grace = OpenOffer.objects.get(listing_id=listing.pk, closed_at__isnull=False)
    assert int(grace.amount_atomic) == 10_000
    assert grace.closed_at > timezone.now()
    page = desk.client.get("/sell/listings/weather/revisions/2").content.decode()
    assert "<del>$0.01" in page


def test_a_refused_listing_says_why_and_can_be_mended(desk: Desk) -> None:
    listing = desk.submitted()
    assert listing.proposed_revision is not None
    revision_hash = bytes(listing.proposed_revision.hash)
    judging.refuse(listing.pk, revision_hash, "Say which cities.")
    assert "Say which cities." in desk.client.get("/sell/").content.decode()
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    desk.step(sheet, "words", title="City weather", description="The weather of Oslo, now.")
    desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    listing.refresh_from_db()
    assert (listing.state, listing.reason) == (Listing.State.IN_REVIEW, "")
    assert approve(listing).state == Listing.State.LIVE


def test_pause_resume_and_retire(desk: Desk) -> None:
    listing = approve(desk.submitted())
    for how, state, offers in (
        ("pause", Listing.State.PAUSED, []),
        ("resume", Listing.State.LIVE, [10_000]),
        ("retire", Listing.State.RETIRED, []),
    ):
        assert desk.client.post(f"/sell/listings/weather/{how}").status_code == 302
        listing.refresh_from_db()
        assert listing.state == state
        assert open_amounts(listing) == offers
    page = desk.client.post("/sell/listings/weather/resume", follow=True).content.decode()
    assert "Not done" in page
    # Its address stays taken.
    sheet = desk.start()
    answer_ = desk.step(sheet, "words", title="City weather", description="Now.", slug="weather")
    assert answer_.status_code == 422


def test_a_changed_payout_wallet_waits_before_it_is_paid(desk: Desk) -> None:
    listing = approve(desk.submitted())
    desk.wallet = Cast.other_seller
    desk.prove()
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    desk.step(sheet, "payout", **{f"pay_to:{TOKEN}": Cast.other_seller.address})
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302
    with pytest.raises(ListingRefused) as refused:
        approve(listing, cooldown_seconds=DAY)
    assert refused.value.why is Why.PAYOUT_FRESH
    day_ago = timezone.now() - timedelta(days=1, minutes=1)
    Payout.objects.filter(address=Cast.other_seller.address).update(proven_at=day_ago)
    assert approve(listing, cooldown_seconds=DAY).state == Listing.State.LIVE


def test_a_wallet_taken_back_stops_what_pays_into_it_and_only_ones_own(desk: Desk) -> None:
    mine = approve(desk.submitted())
    other = open_desk("quill", Cast.seller, desk.upstream_url)  # who holds the same wallet
    theirs = approve(other.submitted())
    desk.client.post("/sell/payouts/revoke", {"address": Cast.seller.address})
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.state, theirs.state) == (Listing.State.PAUSED, Listing.State.LIVE)
    with pytest.raises(ListingRefused) as refused:
        listings.resume(mine.pk)
    assert refused.value.why is Why.PAYOUT_UNPROVEN


def test_a_wallet_nobody_signed_for_is_never_proposed(desk: Desk) -> None:
    desk.prove()
    sheet = desk.start()
    desk.fill(sheet)
    sheet.refresh_from_db()
    sheet.typed[f"pay_to:{TOKEN}"] = Cast.attacker.address  # as no page would send it
    sheet.save()
    page = desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    assert page.status_code == 422
    assert "nobody has signed for this wallet" in page.content.decode()
    assert not Listing.objects.exists()


def test_a_proof_is_good_once_for_one_seller_and_one_wallet(desk: Desk) -> None:
    other = open_desk("quill", Cast.seller, desk.upstream_url)
    page = desk.client.post(
        "/sell/payouts/", {"action": "question", "address": Cast.seller.address}
    )
    text = page.context["text"]
    signed = Cast.seller.account.sign_message(encode_defunct(text=text)).signature.hex()
    sent = {"action": "prove", "text": text, "signature": "0x" + signed.removeprefix("0x")}
    assert other.client.post("/sell/payouts/", sent).status_code == 422
    forged = {**sent, "text": text.replace(Cast.seller.address, Cast.attacker.address)}
    assert desk.client.post("/sell/payouts/", forged).status_code == 422
    assert desk.client.post("/sell/payouts/", sent).status_code == 302
    assert desk.client.post("/sell/payouts/", sent).status_code == 422
    assert [p.address for p in desk.seller.payouts.all()] == [Cast.seller.address]
    assert not other.seller.payouts.exists()


def test_another_sellers_listing_is_as_good_as_none(desk: Desk) -> None:
    listing = approve(desk.submitted())
    other = open_desk("quill", Cast.other_seller, desk.upstream_url)
    base = "/sell/listings/weather/"
    for path in ("", "revisions/1"):
        assert other.client.get(base + path).status_code == 404
    for path in ("edit", "pause", "resume", "retire", "secret"):
        assert other.client.post(base + path).status_code == 404
    other.client.post("/sell/payouts/revoke", {"address": Cast.seller.address})
    listing.refresh_from_db()
    assert listing.state == Listing.State.LIVE
    # The same slug of one's own is one's own.
    other.submitted()
    assert other.client.get(base).status_code == 200


def test_visitors_are_asked_to_sign_in(desk: Desk) -> None:
    visitor = Client()
    for path in ("/sell/", "/sell/payouts/", "/sell/import", "/sell/listings/weather/"):
        assert visitor.get(path).status_code == 302, path
