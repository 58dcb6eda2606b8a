"""A suspension reaches its seller by letter, once nobody can take it back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail as letterbox
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts import mail
from marketplace.accounts.tasks import send_letters
from sellers import judging, verdicts
from sellers.holds import Judge
from sellers.models import Listing, Notice
from sellers.site import review_rules
from tests.fixtures.foreign import moderator
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.storefront import Storefront


@pytest.fixture
def listing(storefront: Storefront, hooks: Hooks, settings: Settings) -> Listing:
    settings.SENDS_MAIL = True
    owner = sign_up("acme").owner
    assert owner is not None
    owner.email = "acme@example.com"
    owner.save()
    mail.confirm(owner)
    return storefront.publish("acme/weather")


def let_time_pass() -> None:
    Notice.objects.filter(mail_at__isnull=False).update(
        mail_at=timezone.now() - timedelta(seconds=1)
    )


def test_a_suspension_is_written_about_with_its_reason(listing: Listing) -> None:
    judging.suspend(listing.pk, "It says “Oslo” for all cities.", by="system")
    send_letters()
    assert letterbox.outbox == [], "a moderator may take it back still"
    let_time_pass()
    send_letters()
    send_letters()
    (letter,) = letterbox.outbox
    assert letter.to == ["acme@example.com"]
    assert letter.subject.startswith("acme/weather was suspended at ")
    assert "The reason: It says “Oslo” for all cities." in letter.body
    assert f"/sell/listings/{listing.pk}/" in letter.body
    assert Notice.objects.get().subject == "acme/weather was suspended"


def test_one_that_was_taken_back_is_not(listing: Listing) -> None:
    judge = Judge(moderator().pk, frozenset())
    listing.refresh_from_db()
    verdict = verdicts.suspend(listing.pk, "A slip.", judge, listing.shelf_version)
    verdicts.undo(verdict.pk, judge, review_rules())
    let_time_pass()
    send_letters()
    assert letterbox.outbox == []
    assert not Notice.objects.exists()


def test_whoever_confirmed_no_address_gets_none(listing: Listing) -> None:
    owner = listing.seller.owner
    assert owner is not None
    owner.email = "typed@example.com"
    owner.save()
    judging.suspend(listing.pk, "It says Oslo for all cities.", by="system")
    let_time_pass()
    send_letters()
    assert letterbox.outbox == []
    assert Notice.objects.exists(), "it stands on their pages"
