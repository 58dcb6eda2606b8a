"""Anybody says what is wrong with a listing; moderators read it and say what they found."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from payments.models import AuditEntry
from sellers.models import Listing, Report
from sellers.reviews import reports
from sellers.site import ReportLimits
from tests.marketplace.moderation.bench import as_moderator, judge
from tests.sellers.desk import Desk

PAGE, PROGRAMS = "/l/atlas/weather/report", "/api/catalog/atlas/weather/reports"
SAID = {"about": "wrong", "text": "It says Oslo for every city."}
LIMITS = ReportLimits(per_listing_max=100, keep_days=400)


@pytest.fixture
def sold(desk: Desk, moderator: Client) -> Listing:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    listing.refresh_from_db()
    return listing


def tell(said: Any, **more: Any) -> Any:
    return Client(**more).post(PROGRAMS, said, content_type="application/json")


def test_what_a_person_says_is_read_by_a_moderator_and_closed_with_a_note(
    sold: Listing, moderator: Client
) -> None:
    page = Client(headers={"Accept": "text/html"}).get("/l/atlas/weather").content.decode()
    assert f'href="{PAGE}"' in page
    form = Client().get(PAGE).content.decode()
    assert "Report City weather" in form
    assert '<a href="/buy/">your receipts</a>' in form
    assert "/docs/buy#when-something-was-wrong" in form
    assert "Thank you" in Client().post(PAGE, SAID).content.decode()
    assert "1 report about listings" in " ".join(
        moderator.get("/moderation/").content.decode().split()
    )
    for path in ("/moderation/reports", f"/moderation/{sold.pk}"):
        assert "It says Oslo for every city." in moderator.get(path).content.decode()
    report = Report.objects.get()
    close = f"/moderation/reports/{report.pk}/close"
    assert "Not closed" in moderator.post(close, {"note": " "}, follow=True).content.decode()
    moderator.post(close, {"note": "It says the city that is asked for."})
    assert "No report is open" in moderator.get("/moderation/reports").content.decode()
    assert "already" in moderator.post(close, {"note": "once more"}, follow=True).content.decode()
    report.refresh_from_db()
    assert report.note == "It says the city that is asked for."
    entry = AuditEntry.objects.get(act="report.closed")
    assert entry.why == ""  # the note is not the seller's to read


def test_a_note_is_kept_when_it_is_refused_and_leads_back_to_its_page(
    sold: Listing, moderator: Client, desk: Desk
) -> None:
    for _ in range(2):
        tell(SAID)
    first, second = Report.objects.order_by("at")
    item = f"/moderation/{sold.pk}"
    assert f'name="next" value="{item}"' in moderator.get(item).content.decode()
    own = as_moderator(User.objects.get(pk=desk.user.pk))
    close, note = f"/moderation/reports/{first.pk}/close", {"note": "It says <Oslo>."}
    for sent, title in ((note, "Reports about listings"), ({**note, "next": item}, "City weather")):
        page = own.post(close, sent)
        assert page.status_code == 422
        text = page.content.decode()
        assert f"<h1>{title}" in text or f">{title}</h1>" in text
        assert text.count('value="It says &lt;Oslo&gt;." autofocus') == 1
        assert "Not closed: nobody closes a report" in text
    assert moderator.post(close, {**note, "next": item})["Location"] == item
    close = f"/moderation/reports/{second.pk}/close"
    elsewhere = {**note, "next": "https://evil.example/"}
    assert moderator.post(close, elsewhere)["Location"] == "/moderation/reports"


def test_a_program_says_it_in_json(sold: Listing) -> None:
    answer = tell(SAID)
    assert (answer.status_code, answer.json()["listing"]) == (201, "atlas/weather")
    told = Client().get("/api/catalog/atlas/weather").json()["report"]
    assert told["url"].endswith(PROGRAMS)
    assert "wrong" in told["about"]
    for bad, status in (
        ("[]", 400), ("{", 400), ({"about": "wrong"}, 400), ({**SAID, "about": "odd"}, 400),
    ):  # fmt: skip
        assert tell(bad).status_code == status
    assert Client().post(PROGRAMS, SAID).status_code == 415
    assert Client().get(PROGRAMS).status_code == 405
    assert Report.objects.count() == 1


def test_reports_are_limited_by_network_and_by_listing(sold: Listing, settings: Settings) -> None:
    settings.REPORTS_MAX = 2
    statuses = [tell(SAID, REMOTE_ADDR="203.0.113.7").status_code for _ in range(3)]
    assert statuses == [201, 201, 429]
    late = Client(REMOTE_ADDR="203.0.113.9").post(PAGE, SAID)  # the same network
    assert late.status_code == 429
    assert int(late["Retry-After"]) > 0
    assert "It says Oslo" in late.content.decode()  # what was typed is kept
    settings.REPORTS_PER_LISTING_MAX = 2
    assert tell(SAID, REMOTE_ADDR="198.51.100.1").status_code == 429
    assert Report.objects.count() == 2


def test_a_form_that_says_too_little_is_shown_again(sold: Listing) -> None:
    page = Client().post(PAGE, {"about": "wrong", "text": "bad\u200b"})
    assert page.status_code == 422
    assert "say what happened" in page.content.decode()
    assert not Report.objects.exists()


def test_only_what_was_sold_is_reported(desk: Desk) -> None:
    desk.submitted()
    assert Client().get(PAGE).status_code == 404
    assert tell(SAID).status_code == 404


def test_nobody_closes_a_report_about_their_own(sold: Listing, desk: Desk) -> None:
    tell(SAID)
    own = as_moderator(User.objects.get(pk=desk.user.pk))
    close = f"/moderation/reports/{Report.objects.get().pk}/close"
    assert "of their own" in own.post(close, {"note": "nothing"}, follow=True).content.decode()
    assert reports.waiting().count() == 1


def test_closed_reports_go_in_time_and_open_ones_stay(sold: Listing) -> None:
    for _ in range(2):
        tell(SAID)
    closed = Report.objects.earliest("at")
    Report.objects.filter(pk=closed.pk).update(closed_at="2020-01-01T00:00Z", note="found nothing")
    assert reports.forget(LIMITS) == 1
    assert Report.objects.get().closed_at is None
