"""When what is sold is gone through, what is kept of it, and who is told."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from sellers import listings
from sellers.drafts import finish
from sellers.grading import verification, verified
from sellers.grading.checks import ADVISORY, REQUIRED, Check
from sellers.grading.face import Face
from sellers.jobs import turns
from sellers.market import figures
from sellers.models import Delivery, Listing, Notice, Verification
from sellers.models.catalog import CatalogEntry
from sellers.publishing import publish
from sellers.site import this_site, verify_limits
from sellers.webhooks import webhooks
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.storefront import Storefront

GOOD = Check("returns-402", True, REQUIRED, "quoted", "402", "402")
BAD = Check("returns-402", False, REQUIRED, "quoted", "402", "404", "Look at its state.")
MEH = Check("no-store", False, ADVISORY, "not kept", "no-store", "", "Ours.")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listing(storefront: Storefront, settings: Settings) -> Listing:
    settings.ASKS_ITSELF = True
    return storefront.publish()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the checklist finds, one after the other; the last for ever. None: no verdict."""
    said: list[Any] = [[GOOD, MEH]]

    def found(_listing: Listing, _site: Any) -> Any:
        return said.pop(0) if len(said) > 1 else said[0]

    monkeypatch.setattr(verification, "of_listing", found)
    return said


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_stopping", threading.Event())
    turns.stop()


def test_a_stopping_worker_leaves_the_rest_to_the_next(
    listing: Listing, answers: list[Any], stopped: None
) -> None:
    assert verification.verify_due(this_site()) == 0
    assert not Verification.objects.filter(verified_at__isnull=False).exists()


def due_again() -> None:
    Verification.objects.update(next_at=timezone.now())


def test_what_is_live_is_gone_through_and_again_a_day_later(
    listing: Listing, answers: list[Any]
) -> None:
    before = timezone.now()
    assert verification.verify_due(this_site()) == 1
    assert verification.verify_due(this_site()) == 0
    row = Verification.objects.get()
    assert (row.valid, [each["check"] for each in row.checks]) == (
        True,
        ["returns-402", "no-store"],
    )
    assert row.verified_at is not None
    assert row.next_at is not None
    assert timedelta(hours=19) < row.next_at - before < timedelta(hours=29)
    assert verified.last_verified([listing.pk]) == {listing.pk: row.good_at}
    figures.keep()
    assert CatalogEntry.objects.get(pk=listing.pk).last_verified_at == row.verified_at
    assert not Notice.objects.exists()


def test_one_ring_of_the_bell_takes_so_many(
    listing: Listing, answers: list[Any], storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    storefront.publish("acme/other")
    monkeypatch.setattr(verification, "RUN_MAX", 1)
    assert [verification.verify_due(this_site()) for _ in range(3)] == [1, 1, 0]


def test_a_required_failure_is_told_once_and_again_after_it_was_good(
    listing: Listing, answers: list[Any]
) -> None:
    answers[:] = [[BAD], [BAD], [GOOD], [BAD]]
    for notices in (1, 1, 1, 2):
        verification.verify_due(this_site())
        assert Notice.objects.count() == notices
        due_again()
    row = Verification.objects.get()
    assert row.valid is False
    assert row.good_at is not None
    said = Notice.objects.latest("at")
    assert "returns-402" in said.subject + said.text
    assert "Look at its state." in said.text
    assert listing.state == Listing.State.LIVE


def test_without_a_verdict_what_was_known_stays(listing: Listing, answers: list[Any]) -> None:
    verification.verify_due(this_site())
    known = Verification.objects.get()
    answers[:] = [None]
    due_again()
    assert verification.verify_due(this_site()) == 1
    row = Verification.objects.get()
    assert (row.checks, row.verified_at, row.valid) == (known.checks, known.verified_at, True)
    assert row.next_at is not None
    assert row.next_at < timezone.now() + timedelta(hours=2)


def test_what_is_paused_is_let_alone_until_it_is_sold_again(
    listing: Listing, answers: list[Any]
) -> None:
    verification.verify_due(this_site())
    listings.pause(listing.pk)
    due_again()
    verification.verify_due(this_site())
    assert Verification.objects.get().next_at is None
    assert verified.validate(listing.path) == []
    listings.resume(listing.pk)
    assert verification.enroll(verify_limits()) == 1


def test_programs_are_told_what_is_known_and_it_is_asked_anew_when_old(
    listing: Listing, answers: list[Any]
) -> None:
    first = verified.validate(listing.path)
    assert first == [GOOD, MEH]
    answers[:] = [[BAD]]
    assert verified.validate(listing.path) == first
    Verification.objects.update(verified_at=timezone.now() - timedelta(hours=1))
    assert verified.validate(listing.path) == [BAD]
    assert verified.validate("acme/nothing") == []


def test_who_asks_at_once_does_not_have_it_asked_twice(
    listing: Listing, answers: list[Any]
) -> None:
    now = timezone.now()
    Verification.objects.create(listing=listing, claimed_until=now + timedelta(minutes=1))
    assert verified.validate(listing.path) == []
    assert Verification.objects.get().verified_at is None


def test_addresses_that_asked_are_told(hooks: Hooks, storefront: Storefront) -> None:
    seller = sign_up("acme")
    webhooks.open_webhook(seller, hooks.receiver.url, ["listing.check_failed"], hooks.site)
    seller.owner = None
    seller.save()
    listing = publish("acme", "weather", finish(storefront.draft(), this_site()), this_site())
    Verification.objects.create(listing=listing)
    verification.record(listing.pk, [BAD])
    delivery = Delivery.objects.get()
    assert delivery.event == "listing.check_failed"
    assert "expected 402, found 404" in delivery.body


def test_a_site_that_cannot_reach_itself_asks_nothing(
    listing: Listing, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: Any) -> Face:
        raise AssertionError("asked")

    monkeypatch.setattr(verification, "look_at", nobody)
    settings.ASKS_ITSELF = False
    assert verification.verify_due(this_site()) == 0
    assert not Verification.objects.exists()
