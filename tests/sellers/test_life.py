"""What becomes of a listing after it was submitted: edits, refusals, pauses, wallets taken back."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.utils import timezone
from eth_account.messages import encode_defunct
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.models import OpenOffer
from payments.x402.networks import DEFAULT_ASSETS
from sellers import listings, payout_ends
from sellers.drafting import worksheets
from sellers.models import Listing, Notice, Payout, Price, Proposal, Worksheet
from sellers.refusals import ListingRefused, Why
from sellers.reviews import judging, submitting
from sellers.secrets import Vault
from sellers.site import this_site
from tests.fixtures.cast import Cast
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.sellers.desk import ASSET, NETWORK, TOKEN, Desk, open_desk

pytestmark = pytest.mark.django_db
DAY = 86_400
WITHDRAW = 'action="/sell/listings/weather/withdraw"'


@pytest.fixture
def desk(settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    return open_desk("atlas", Cast.seller, upstream.url)


def test_a_listings_page_leads_to_what_buyers_see_to_its_earnings_and_to_its_health(
    desk: Desk,
) -> None:
    def links() -> list[str]:
        page = desk.client.get("/sell/listings/weather/").content.decode()
        ways = ("/l/atlas/weather", "/sell/earnings/?listing=weather", f"/sell/health/{listing.pk}")
        found = [each for each in ways if f'href="{each}"' in page]
        for each in found:
            assert desk.client.get(each, headers={"Accept": "text/html"}).status_code == 200, each
        return [each.split("/")[1] for each in found]

    listing = desk.submitted()
    assert links() == []
    approve(listing)
    assert links() == ["l", "sell", "sell"]
    listings.pause(listing.pk)
    assert links() == ["sell", "sell"]


def _change(desk: Desk, dollars: str) -> None:
    """A price is typed for the listing, and submitted."""
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    desk.step(sheet, "price", **{f"price:{TOKEN}": dollars})
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302


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


def test_a_change_starts_with_a_time_that_the_operator_still_takes(
    desk: Desk, settings: Settings
) -> None:
    approve(desk.submitted())
    settings.UPSTREAM_TOTAL_SECONDS = 45.5
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    assert sheet.typed["total_seconds"] == "45.5"
    desk.step(sheet, "words", title="City weather", slug="weather", description="Tomorrow's.")
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302


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


def test_a_change_is_withdrawn_and_the_next_one_starts_from_what_is_sold(desk: Desk) -> None:
    listing = approve(desk.submitted())
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert WITHDRAW not in page, "there is nothing to withdraw"
    _change(desk, "0.02")
    desk.client.post("/sell/listings/weather/edit")
    assert desk.seller.worksheets.get().typed[f"price:{TOKEN}"] == "0.02"
    assert WITHDRAW in desk.client.get("/sell/listings/weather/").content.decode()
    page = desk.client.post("/sell/listings/weather/withdraw", follow=True).content.decode()
    assert "Withdrawn" in page
    assert WITHDRAW not in page
    assert "What would change" not in page
    listing.refresh_from_db()
    assert (listing.state, listing.proposed_revision) == (Listing.State.LIVE, None)
    assert open_amounts(listing) == [10_000]
    desk.client.post("/sell/listings/weather/edit")
    assert desk.seller.worksheets.get().typed[f"price:{TOKEN}"] == "0.01"


def test_what_was_typed_since_outlives_the_change_that_is_withdrawn(desk: Desk) -> None:
    approve(desk.submitted())
    _change(desk, "0.02")
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    desk.step(sheet, "price", **{f"price:{TOKEN}": "0.03"})
    desk.client.post("/sell/listings/weather/withdraw")
    assert desk.seller.worksheets.get().typed[f"price:{TOKEN}"] == "0.03"


def test_a_first_submission_is_withdrawn_and_sent_in_again(desk: Desk) -> None:
    listing = desk.submitted()
    assert WITHDRAW in desk.client.get("/sell/listings/weather/").content.decode()
    desk.client.post("/sell/listings/weather/withdraw")
    listing.refresh_from_db()
    assert (listing.state, listing.submitted_at) == (Listing.State.DRAFT, None)
    assert WITHDRAW not in desk.client.get("/sell/listings/weather/").content.decode()
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302
    assert approve(listing).state == Listing.State.LIVE


def test_a_slip_that_is_corrected_before_its_review_withdraws_it(desk: Desk) -> None:
    listing = approve(desk.submitted())
    _change(desk, "0.10")
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    desk.step(sheet, "price", **{f"price:{TOKEN}": "0.01"})
    review = f"/sell/drafts/{sheet.pk}/review"
    assert "withdraws the change that you proposed" in desk.client.get(review).content.decode()
    page = desk.client.post(review, follow=True).content.decode()
    assert "Nothing of it waits for review now" in page
    listing.refresh_from_db()
    assert (listing.proposed_revision, listing.submitted_at) == (None, None)
    assert open_amounts(listing) == [10_000]
    assert not desk.seller.worksheets.exists()


def test_what_no_step_can_mend_is_said_without_one(desk: Desk, settings: Settings) -> None:
    approve(desk.submitted())
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    same = desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    page = same.content.decode()
    assert same.status_code == 422
    assert "These are the terms it is sold on already." in page
    assert '<a href="/sell/listings/weather/">Open the listing</a>' in page
    assert "Left to do" not in page
    desk.step(sheet, "price", **{f"price:{TOKEN}": "0.02"})
    settings.TERMS_DATE = date(2027, 3, 1)
    page = desk.client.post(f"/sell/drafts/{sheet.pk}/review").content.decode()
    assert '<a href="/sell/terms">Read and accept them</a>' in page
    assert "Left to do" not in page


def test_a_draft_that_is_submitted_twice_at_once_becomes_one_listing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.prove()
    sheet = desk.start()
    desk.fill(sheet)
    late = Worksheet.objects.get(pk=sheet.pk)
    site = this_site()
    checks = submitting.by_terms(late, site)
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/review").status_code == 302
    seen = Proposal.objects.get()
    listing = submitting.submit_checked(late, checks, site)
    assert listing == desk.seller.listings.get()
    assert Proposal.objects.get().look == seen.look is not None, "what was seen first stays"
    # The second press had found the sheet before the first one was done with it.
    monkeypatch.setattr("sellers.pages.wizard.own_worksheet", lambda *_: late)
    second = desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    assert (second.status_code, second["Location"]) == (302, "/sell/listings/weather/")


def test_what_comes_too_late_for_a_draft_is_refused_in_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.prove()
    sheet = desk.start()
    desk.fill(sheet)
    sheet.refresh_from_db()
    late = Worksheet.objects.get(pk=sheet.pk)
    worksheets.discard(sheet)
    monkeypatch.setattr("sellers.pages.wizard.own_worksheet", lambda *_: late)
    here, vault = f"/sell/drafts/{late.pk}", Vault(this_site().secrets_keys)
    for path, typed in (
        ("review", {}),
        ("words", {"title": "Late", "version": "1", "tab": "a"}),
        ("words/autosave", {"title": "Late", "version": "1", "tab": "a"}),
    ):
        said = desk.client.post(f"{here}/{path}", typed)
        assert said.status_code == 422, path
        assert "his draft is gone" in said.content.decode(), path
    for act in (
        lambda: worksheets.put(late, {"title": "Late"}),
        lambda: worksheets.keep_secret(late, "x-key", "value", vault),
        lambda: worksheets.drop_secret(late, "x-key"),
    ):
        with pytest.raises(ListingRefused, match="this draft is gone"):
            act()


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


def test_a_new_and_a_taken_back_wallet_are_told_by_letter_too(desk: Desk) -> None:
    quiet = open_desk("quill", Cast.seller, desk.upstream_url)  # who holds the same wallet
    quiet.prove()
    Notice.objects.all().delete()
    approve(desk.submitted())
    desk.prove()  # a second proof changes nothing
    desk.client.post("/sell/payouts/revoke", {"address": Cast.seller.address})
    added, gone = Notice.objects.order_by("id")
    end = desk.seller.payouts.get().proven_at + timedelta(seconds=DAY)
    assert Cast.seller.address in added.text
    assert f"{end:%d %B %H:%M} UTC" in added.text
    assert Cast.seller.address in gone.text
    assert "Paused with it: weather." in gone.text
    for notice in (added, gone):
        assert (notice.seller, notice.href) == (desk.seller, "/sell/payouts/")
        assert notice.mail_at is not None
        assert notice.subject in desk.client.get("/sell/").content.decode()
    payout_ends.revoke(Cast.seller.address)  # the operator's word is for all
    assert quiet.seller.notices.get().subject == gone.subject


def test_a_wallets_row_counts_what_sells_into_it_on_its_networks(desk: Desk) -> None:
    elsewhere = "eip155:8453"
    for slug in ("weather", "tides", "gone"):
        sold = approve(desk.submitted(slug=slug)).live_revision
        assert sold is not None
        Price.objects.create(  # a listing with two prices is one listing
            revision=sold, network=NETWORK, scheme="exact", asset=Cast.buyer.address,
            amount_atomic=1, pay_to=desk.wallet.address,
        )  # fmt: skip
    listings.pause(Listing.objects.get(slug="gone").pk)
    for network in (NETWORK, elsewhere):
        Payout.objects.create(
            seller=desk.seller, address=desk.wallet.address, network=network, proof={}
        )
    rows = desk.client.get("/sell/payouts/").context["rows"]
    assert [(row["payout"].network, row["pays"], row["stops"]) for row in rows] == [
        ("", 2, True), (NETWORK, 2, True), (elsewhere, 0, True),
    ]  # fmt: skip
    listings.pause(Listing.objects.get(slug="tides").pk)
    sent = {"address": desk.wallet.address}
    page = desk.client.post("/sell/payouts/revoke", sent, follow=True).content.decode()
    assert "1 listing is paused." in page


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


def test_whoever_was_signed_out_comes_back_to_a_page(desk: Desk) -> None:
    approve(desk.submitted())
    anybody = Client()
    for said, back in (
        (anybody.get("/sell/listings/weather/?a=b"), "/sell/listings/weather/?a=b"),
        (anybody.post("/sell/listings/weather/pause"), "/sell/"),
    ):
        assert said.status_code == 302
        (where,) = parse_qs(urlsplit(said["Location"]).query)["next"]
        assert where == back
        assert desk.client.get(where).status_code == 200


def test_a_long_list_of_listings_comes_in_pages(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slug in "abc":
        desk.submitted(slug=slug)
    whole = desk.client.get("/sell/")
    assert [row.listing.slug for row in whole.context["rows"]] == list("cba")
    assert 'class="pager"' not in whole.content.decode()
    monkeypatch.setattr("sellers.pages.home.LISTINGS_SHOWN_MAX", 1)
    seen, here = [], "/sell/"
    while here:
        page = desk.client.get(here)
        seen.append([row.listing.slug for row in page.context["rows"]])
        last, here = here, page.context["edges"]["older"]
    assert seen == [["c"], ["b"], ["a"]]
    back = []
    while here := desk.client.get(here or last).context["edges"]["newer"]:
        back.append([row.listing.slug for row in desk.client.get(here).context["rows"]])
    assert back == [["b"], ["c"]]


def test_a_draft_is_thrown_away_after_a_second_word(desk: Desk) -> None:
    sheet = desk.start()
    page = desk.client.get("/sell/").content.decode()
    gone = f'action="/sell/drafts/{sheet.pk}/discard"'
    asked = page[page.index(f'<dialog id="throw-away-{sheet.pk}"') :].split("</dialog>")[0]
    assert gone in asked
    assert "Throw this draft away?" in asked
    assert page.count(gone) == 2, "and once without a script"
    assert gone in page.split("<noscript>")[1].split("</noscript>")[0]
    desk.client.post(f"/sell/drafts/{sheet.pk}/discard")
    assert not desk.seller.worksheets.exists()


def test_a_contract_is_proven_on_the_network_that_is_chosen(desk: Desk, settings: Settings) -> None:
    one = desk.client.get("/sell/payouts/").content.decode()
    assert "<select" not in one
    base = next(asset.address for asset in DEFAULT_ASSETS if asset.network == "eip155:8453")
    settings.CHAINS |= {
        "eip155:8453": {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [base]}
    }
    asked = {"action": "question", "address": Cast.seller.address}
    for network, chain_id in (("", 84532), (NETWORK, 84532), ("eip155:8453", 8453)):
        page = desk.client.post("/sell/payouts/", asked | {"network": network})
        assert f"\nChain ID: {chain_id}\n" in page.context["text"]
        assert '<option value="eip155:8453"' in page.content.decode()
        chosen = f'<option value="{network}" selected>'
        assert (chosen in page.content.decode()) is bool(network)
