"""Secret headers of a listing that changes: no other host gets them, and nothing live changes."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.models import OpenOffer
from sellers import listings, upstream_secrets
from sellers.models import Listing, ProposedSecret, UpstreamSecret, Worksheet
from sellers.refusals import ListingRefused
from sellers.reviews import judging
from sellers.secrets import Vault
from sellers.terms import Terms
from tests.fixtures.cast import Cast
from tests.fixtures.programs import Program, program_of
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.sellers.desk import ASSET, NETWORK, TOKEN, Desk, open_desk

pytestmark = pytest.mark.django_db
OLD, NEW = "canary-of-the-old-host", "canary-of-the-new-host"


@pytest.fixture
def desk(settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    return open_desk("atlas", Cast.seller, upstream.url)


@pytest.fixture
def sold(desk: Desk) -> Listing:
    """A listing that is live with a secret header."""
    desk.prove()
    sheet = desk.start()
    give(desk, sheet, f"{desk.upstream_url}/weather", OLD)
    desk.fill(sheet)
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302
    return approve(desk.seller.listings.get())


def give(desk: Desk, sheet: Worksheet, url: str, secret: str) -> None:
    desk.step(sheet, "endpoint", "secret", upstream_url=url, method="GET",
              secret_name="x-api-key", secret_value=secret)  # fmt: skip


def elsewhere(desk: Desk) -> str:
    """The same machine under another name."""
    return desk.upstream_url.replace("127.0.0.1", "localhost") + "/weather"


def changing(desk: Desk) -> Worksheet:
    """The sheet on which the listing is changed, with another price."""
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    desk.step(sheet, "price", **{f"price:{TOKEN}": "0.02"})
    return sheet


def submitted(desk: Desk, sheet: Worksheet) -> int:
    return int(desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code)


def approve(listing: Listing) -> Listing:
    listing.refresh_from_db()
    assert listing.proposed_revision is not None
    return judging.approve(listing.pk, bytes(listing.proposed_revision.hash), grace_seconds=300)


def carried(settings: Settings) -> dict[str, str]:
    """What live calls carry."""
    vault = Vault(settings.SELLER_SECRETS_KEYS)
    rows = UpstreamSecret.objects.all()
    return {row.name: vault.open(row.listing_id, row.name, bytes(row.sealed)) for row in rows}


def test_another_host_gets_no_secret_before_it_is_given_again(
    desk: Desk, sold: Listing, settings: Settings
) -> None:
    sheet = changing(desk)
    moved = desk.step(sheet, "endpoint", upstream_url=elsewhere(desk), method="GET")
    assert moved.status_code == 422
    assert "Give a value for x-api-key" in moved.content.decode()
    assert submitted(desk, sheet) == 422
    give(desk, sheet, elsewhere(desk), NEW)
    assert submitted(desk, sheet) == 302
    assert carried(settings) == {"x-api-key": OLD}
    listing = approve(sold)
    assert listing.live_revision is not None
    assert Terms.from_json(listing.live_revision.terms).upstream_url == elsewhere(desk)
    assert carried(settings) == {"x-api-key": NEW}
    assert not ProposedSecret.objects.exists()


def test_a_value_typed_for_the_same_host_waits_for_the_approval(
    desk: Desk, sold: Listing, settings: Settings
) -> None:
    sheet = changing(desk)
    give(desk, sheet, f"{desk.upstream_url}/weather", NEW)
    assert submitted(desk, sheet) == 302
    assert carried(settings) == {"x-api-key": OLD}
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert "Calls carry the new value of <code>x-api-key</code> once it is approved." in page
    approve(sold)
    assert carried(settings) == {"x-api-key": NEW}


def test_a_refused_proposal_leaves_the_old_value(
    desk: Desk, sold: Listing, settings: Settings
) -> None:
    sheet = changing(desk)
    give(desk, sheet, elsewhere(desk), NEW)
    assert submitted(desk, sheet) == 302
    sold.refresh_from_db()
    assert sold.proposed_revision is not None
    judging.refuse(sold.pk, bytes(sold.proposed_revision.hash), "Say why it moves.")
    assert carried(settings) == {"x-api-key": OLD}
    # What was typed for the new host is still at hand for it, and for no third one.
    sheet = changing(desk)
    desk.step(sheet, "words", title="City weather", description="It has moved to a new house.")
    third = desk.step(sheet, "endpoint", upstream_url="https://third.example/x", method="GET")
    assert "Give a value for x-api-key" in third.content.decode()
    back = desk.step(sheet, "endpoint", upstream_url=elsewhere(desk), method="GET")
    assert back.status_code == 302
    assert submitted(desk, sheet) == 302
    assert carried(settings) == {"x-api-key": OLD}
    approve(sold)
    assert carried(settings) == {"x-api-key": NEW}


@pytest.mark.parametrize("moves", [True, False])
def test_no_older_price_takes_the_secret_of_a_new_host_to_the_old_one(
    desk: Desk, sold: Listing, moves: bool
) -> None:
    sheet = changing(desk)
    give(desk, sheet, elsewhere(desk) if moves else f"{desk.upstream_url}/weather", NEW)
    assert submitted(desk, sheet) == 302
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert ("the old price ends at once" in page) is moves
    approve(sold)
    older = OpenOffer.objects.get(listing_id=sold.pk, closed_at__isnull=False)
    assert (older.closed_at <= timezone.now()) is moves


def test_a_header_that_was_left_out_does_not_come_back_for_another_host(
    desk: Desk, sold: Listing, settings: Settings
) -> None:
    sheet = changing(desk)
    desk.step(sheet, "endpoint", "drop-secret:x-api-key")
    desk.step(sheet, "endpoint", upstream_url=elsewhere(desk), method="GET")
    assert submitted(desk, sheet) == 302
    approve(sold)
    assert carried(settings) == {}


def test_a_new_value_alone_is_sent_to_the_listings_own_page(
    desk: Desk, sold: Listing, settings: Settings
) -> None:
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    give(desk, sheet, f"{desk.upstream_url}/weather", NEW)
    page = desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    assert page.status_code == 422
    assert "replace it on the listing&#x27;s own page" in page.content.decode()
    desk.client.post("/sell/listings/weather/secret", {"name": "x-api-key", "value": NEW})
    assert carried(settings) == {"x-api-key": NEW}


def test_a_value_replaced_by_hand_is_newer_than_one_that_waits(
    desk: Desk, sold: Listing, settings: Settings
) -> None:
    sheet = changing(desk)
    give(desk, sheet, f"{desk.upstream_url}/weather", "an-older-one")
    assert submitted(desk, sheet) == 302
    desk.client.post("/sell/listings/weather/secret", {"name": "x-api-key", "value": NEW})
    approve(sold)
    assert carried(settings) == {"x-api-key": NEW}


@pytest.fixture
def robot(desk: Desk) -> Program:
    return program_of(desk.seller)


def proposal(sold: Listing, **changed: object) -> dict[str, object]:
    """The terms that are sold, as a program proposes others."""
    assert sold.live_revision is not None
    terms = Terms.from_json(sold.live_revision.terms)
    return {
        "upstream_url": terms.upstream_url,
        "title": terms.title,
        "description": terms.description,
        "sample": {"json": {"celsius": 21}},
        "prices": [{"dollars": "0.02", "network": NETWORK, "pay_to": Cast.seller.address}],
        "secret_headers": {"X-Api-Key": None},
        **changed,
    }


def test_a_program_has_no_secret_sent_to_a_host_of_its_own(
    desk: Desk, sold: Listing, robot: Program, settings: Settings
) -> None:
    there = f"/listings/{sold.pk}/propose"
    refused = robot("POST", there, proposal(sold, upstream_url=elsewhere(desk)))
    assert (refused.status, refused.document["field"]) == (422, "secret_headers.X-Api-Key")
    assert "another host" in refused.document["detail"]
    assert robot("POST", there, proposal(sold)).status == 200
    given = proposal(sold, upstream_url=elsewhere(desk), secret_headers={"X-Api-Key": NEW})
    assert robot("POST", there, given).status == 200
    assert robot("POST", f"/listings/{sold.pk}/submit").status == 200
    assert carried(settings) == {"x-api-key": OLD}
    approve(sold)
    assert carried(settings) == {"x-api-key": NEW}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_proposal_that_brings_no_value_for_its_host_is_not_approved(
    desk: Desk, sold: Listing, settings: Settings, at_once: bool
) -> None:
    """Such as one that was sent in before hosts were told apart."""
    sheet = changing(desk)
    give(desk, sheet, elsewhere(desk), NEW)
    assert submitted(desk, sheet) == 302
    if at_once:
        approve(sold)
        return
    ProposedSecret.objects.all().delete()
    with pytest.raises(ListingRefused, match="given for another host"):
        approve(sold)
    assert carried(settings) == {"x-api-key": OLD}


def test_a_header_that_only_a_proposal_has_gets_its_value_with_its_approval(
    desk: Desk, sold: Listing, robot: Program, settings: Settings
) -> None:
    other = proposal(sold, secret_headers={"x-api-key": None, "x-next": None})
    assert robot("POST", f"/listings/{sold.pk}/propose", other).status == 200
    with pytest.raises(ListingRefused, match="x-next has no value yet"):
        listings.submit(sold.pk)
    there = f"/listings/{sold.pk}/secret"
    assert robot("POST", there, {"name": "x-next", "value": NEW}).status == 200
    assert carried(settings) == {"x-api-key": OLD}
    listings.submit(sold.pk)
    approve(sold)
    assert carried(settings) == {"x-api-key": OLD, "x-next": NEW}


def test_a_draft_that_moves_leaves_its_secrets_behind(
    desk: Desk, robot: Program, settings: Settings, sold: Listing
) -> None:
    given = proposal(sold, secret_headers={"x-api-key": OLD}, slug="other")
    made = robot("POST", "/listings", given)
    draft = Listing.objects.get(pk=made.document["id"])
    assert draft.proposed_revision is not None
    terms = Terms.from_json(draft.proposed_revision.terms)
    assert upstream_secrets.kept(draft, terms.upstream_url)
    moved = proposal(sold, upstream_url=elsewhere(desk))
    refused = robot("POST", f"/listings/{draft.pk}/propose", moved)
    assert (refused.status, refused.document["field"]) == (422, "secret_headers.X-Api-Key")
    moved = proposal(sold, upstream_url=elsewhere(desk), secret_headers={"x-api-key": NEW})
    assert robot("POST", f"/listings/{draft.pk}/propose", moved).status == 200
    vault = Vault(settings.SELLER_SECRETS_KEYS)
    row = UpstreamSecret.objects.get(listing=draft)
    assert vault.open(draft.pk, row.name, bytes(row.sealed)) == NEW
