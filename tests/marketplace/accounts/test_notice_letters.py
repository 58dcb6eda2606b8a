"""A suspension reaches its seller by letter, once nobody can take it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail as letterbox
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts import mail
from marketplace.accounts.tasks import send_letters
from sellers import listings
from sellers.drafts import finish
from sellers.grading import verification
from sellers.grading.checks import REQUIRED, Check
from sellers.health import health
from sellers.health.drift import Drift
from sellers.models import Listing, Notice
from sellers.models.health import Health
from sellers.news.approvals import tell_approved
from sellers.notices import notify
from sellers.reviews import judging, verdicts
from sellers.reviews.holds import Judge
from sellers.site import review_rules
from tests.fixtures.foreign import browser_of, moderator
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
    notice = Notice.objects.get()
    assert notice.subject == "acme/weather was suspended"
    assert notice.href in letter.body
    assert browser_of(listing.seller.owner).get(notice.href).status_code == 200


def tell_paused(listing: Listing) -> None:
    health._stop(Health(listing=listing), "every call fails", timezone.now())


def tell_drifted(listing: Listing) -> None:
    health._note_drift(Health(listing=listing), Drift("temp is no number"), timezone.now())


def tell_failing(listing: Listing) -> None:
    check = Check("cors", False, REQUIRED, "browsers may read it", "a header", "none", "Add it.")
    verification._tell(listing, [check])


@pytest.mark.parametrize(
    ("happens", "subject"),
    [
        (tell_paused, "acme/weather is paused"),
        (tell_drifted, "acme/weather answers otherwise than it says"),
        (tell_failing, "acme/weather fails a check that agents make"),
        (tell_approved, "Approved: acme/weather"),
    ],
)
def test_what_happens_to_a_listing_while_nobody_looks_is_written_about(
    listing: Listing, happens: Callable[[Listing], None], subject: str
) -> None:
    """A notice on a page is not seen by who does not open it, and sales have stopped meanwhile."""
    listing.refresh_from_db()
    happens(listing)
    send_letters()
    (letter,) = letterbox.outbox
    assert letter.subject.startswith(f"{subject} at ")
    assert Notice.objects.get().href in letter.body


def test_one_that_was_taken_back_is_not(listing: Listing) -> None:
    judge = Judge(moderator().pk, frozenset())
    listing.refresh_from_db()
    verdict = verdicts.suspend(listing.pk, "A slip.", judge)
    verdicts.undo(verdict.pk, judge, review_rules())
    let_time_pass()
    send_letters()
    assert letterbox.outbox == []
    assert not Notice.objects.exists()


@pytest.mark.parametrize(
    ("was_sold", "then"), [(True, "resume it on its page"), (False, "submit it for review")]
)
def test_the_end_of_a_suspension_is_written_about_with_what_to_do(
    listing: Listing, storefront: Storefront, was_sold: bool, then: str
) -> None:
    if not was_sold:
        terms = finish(storefront.draft(title="Tides"), storefront.site)
        listing = listings.create_draft(listing.seller, "tides", terms)
    judging.suspend(listing.pk, "It says Oslo for all cities.", by="system")
    Notice.objects.all().delete()
    judging.restore(listing.pk, by="system")
    send_letters()
    send_letters()
    (letter,) = letterbox.outbox
    assert letter.subject.startswith(f"{listing.path} is suspended no more at ")
    assert then in letter.body
    notice = Notice.objects.get()
    assert browser_of(listing.seller.owner).get(notice.href).status_code == 200


def test_what_else_is_to_be_written_about_a_listing_outlives_a_mistaken_suspension(
    listing: Listing,
) -> None:
    judge = Judge(moderator().pk, frozenset())
    verdict = verdicts.suspend(listing.pk, "A slip.", judge)
    page = Notice.objects.get().href
    other = notify(listing.seller_id, "Costs too little", "…", page, mail_at=timezone.now())
    verdicts.undo(verdict.pk, judge, review_rules())
    assert Notice.objects.get() == other


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
