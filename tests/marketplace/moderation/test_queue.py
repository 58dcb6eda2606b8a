"""Moderators see what waits, judge it, and never judge what is their own."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from payments.models import OpenOffer
from sellers.models import Listing
from tests.fixtures.cast import Cast
from tests.marketplace.moderation.bench import as_moderator, judge, propose
from tests.sellers.desk import Desk, value

pytestmark = pytest.mark.django_db


def test_what_is_approved_is_for_sale(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    queue = moderator.get("/moderation/").content.decode()
    assert "City weather" in queue
    page = moderator.get(f"/moderation/{listing.pk}").content.decode()
    assert "proven" in page
    assert judge(moderator, listing, "approve") == 302
    listing.refresh_from_db()
    assert listing.state == Listing.State.LIVE
    assert OpenOffer.objects.filter(listing_id=listing.pk, closed_at__isnull=True).count() == 1
    assert "Nothing waits" in moderator.get("/moderation/").content.decode()
    page = moderator.get(f"/moderation/{listing.pk}").content.decode()
    assert "What is sold" in page
    assert "Approve exactly this" not in page


def test_a_refusal_needs_a_reason_and_its_seller_reads_it(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    assert judge(moderator, listing, "refuse", reason=" ") == 422
    assert judge(moderator, listing, "refuse", reason="Which <b>cities</b>?") == 302
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert "Which &lt;b&gt;cities&lt;/b&gt;?" in page
    listing.refresh_from_db()
    assert listing.state == Listing.State.DRAFT


def test_only_what_was_looked_at_is_approved(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    path = f"/moderation/{listing.pk}"
    moderator.post(f"{path}/take")
    seen = value(moderator.get(path).content.decode(), "revision")
    desk.client.post("/sell/listings/weather/edit")
    sheet = desk.seller.worksheets.get()
    desk.step(sheet, "words", title="Something else", description="Swapped after the look.")
    desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    page = moderator.post(f"{path}/approve", {"revision": seen})
    assert page.status_code == 422
    assert "proposed something else meanwhile" in page.content.decode()
    listing.refresh_from_db()
    assert listing.state == Listing.State.IN_REVIEW


def test_a_change_shows_what_changes_and_a_new_wallet_waits(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    desk.wallet = Cast.other_seller
    desk.prove()
    propose(desk, dollars="0.005", pay_to=Cast.other_seller.address)
    page = moderator.get(f"/moderation/{listing.pk}").content.decode()
    for words in ("-50 %", "The payout wallet changes", "was proven"):
        assert words in page
    assert judge(moderator, listing, "approve") == 422
    listing.refresh_from_db()
    assert listing.submitted_at is not None


def test_nobody_judges_their_own(desk: Desk) -> None:
    own = as_moderator(desk.user)
    listing = desk.submitted()
    own.post(f"/moderation/{listing.pk}/take")
    page = own.get(f"/moderation/{listing.pk}").content.decode()
    assert "Somebody else has to judge it" in page
    assert listing.proposed_revision is not None
    seen = {"revision": bytes(listing.proposed_revision.hash).hex(), "reason": "mine"}
    for verdict in ("approve", "refuse", "ask", "suspend", "restore"):
        assert own.post(f"/moderation/{listing.pk}/{verdict}", seen).status_code == 422
    listing.refresh_from_db()
    assert listing.state == Listing.State.IN_REVIEW


def test_the_queue_is_for_moderators_with_their_second_factor(desk: Desk) -> None:
    listing = desk.submitted()
    halfway = as_moderator(User.objects.create_user("half"), factor=False)
    for path in ("", f"{listing.pk}"):
        assert desk.client.get(f"/moderation/{path}").status_code == 404
        assert Client().get(f"/moderation/{path}").status_code == 302
        assert halfway.get(f"/moderation/{path}").status_code == 302
    for path in (f"{listing.pk}/approve", f"{listing.pk}/refuse"):
        assert desk.client.post(f"/moderation/{path}").status_code == 404
        assert halfway.post(f"/moderation/{path}").status_code == 302
    listing.refresh_from_db()
    assert listing.state == Listing.State.IN_REVIEW


def test_what_programs_read_is_shown_as_code_and_words_are_not(
    desk: Desk, moderator: Client
) -> None:
    listing = desk.submitted()
    page = moderator.get(f"/moderation/{listing.pk}").content.decode()
    shown = dict(re.findall(r'<dt>([^<]+)</dt><dd><(pre|div) class="diff">', page))
    as_code = {label for label, tag in shown.items() if tag == "pre"}
    assert as_code == {"Input schema", "Example call", "Answer schema", "Example answer"}
    assert {"Title", "Description"} <= set(shown)
    assert re.search(r'<pre class="diff">\{\n  &quot;[^<]*\}</pre>', page)
