"""Whoever judges or runs the site hears by letter of what has waited for them, and of no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace import duty_letters
from marketplace.accounts import letters, mail
from marketplace.accounts.models import DutyLetter, Letter, Wallet
from marketplace.duties import Duty, duties_of
from payments.disputes.cases import Request, move, open_dispute
from payments.models import Case, DisputeStep, Payment, Reason, Reconciliation, Side
from sellers import listings
from sellers.drafts import finish
from sellers.models import Listing, Report, Seller, Verdict
from sellers.reviews import holds, reports, verdicts
from sellers.reviews.holds import Judge
from sellers.site import report_limits, review_rules
from tests.fixtures import foreign
from tests.fixtures.buying import owner
from tests.fixtures.cast import Cast
from tests.fixtures.foreign import browser_of
from tests.fixtures.purchases import NETWORK, USDC, Purchases
from tests.fixtures.shop import Shop
from tests.fixtures.storefront import Storefront
from tests.fixtures.threads import together

pytestmark = pytest.mark.django_db
HOURS = 4
WORDS = "words-that-are-nobodys-else"


@pytest.fixture(autouse=True)
def sends_mail(settings: Settings) -> None:
    settings.SENDS_MAIL = True


def reachable(user: User) -> User:
    user.email = f"{user.username}@example.com"
    user.save()
    mail.confirm(user)
    return user


@pytest.fixture
def moderator(db: None) -> User:
    return reachable(foreign.moderator())


@pytest.fixture
def admin(db: None) -> User:
    return reachable(foreign.admin())


@pytest.fixture
def listing(storefront: Storefront) -> Listing:
    """A change of it waits."""
    live = storefront.publish("acme/weather")
    listings.propose(live.pk, finish(storefront.draft(title=f"Rain {WORDS}"), storefront.site))
    return listings.submit(live.pk)


def submitted(hours: float) -> None:
    at = timezone.now() - timedelta(hours=hours)
    Listing.objects.filter(submitted_at__isnull=False).update(submitted_at=at)


def what_waits(user: User) -> list[str]:
    return [each.what for each in duties_of(user, timedelta(hours=HOURS))]


def written(hours_ago: float) -> None:
    DutyLetter.objects.update(written_at=timezone.now() - timedelta(hours=hours_ago))


def test_what_waited_for_hours_is_told_in_one_letter_a_day(
    moderator: User, listing: Listing, mailoutbox: list[EmailMessage]
) -> None:
    submitted(HOURS - 1)
    assert duty_letters.write_due() == 0, "it does not wait for long"
    submitted(HOURS + 1)
    assert duty_letters.write_due() == 1
    assert duty_letters.write_due() == 0, "that was told a moment ago"
    letters.send_due()
    (letter,) = mailoutbox
    assert letter.to == ["moderator@example.com"]
    since = Listing.objects.get(pk=listing.pk).submitted_at
    assert f"1 proposal to judge, waiting since {since:%-d %B %Y, %H:%M} UTC:" in letter.body
    assert "/moderation/\n" in letter.body
    assert WORDS not in letter.body + letter.subject
    written(23)
    assert duty_letters.write_due() == 0
    written(25)
    assert duty_letters.write_due() == 1
    listings.withdraw(listing.pk)
    written(25)
    assert duty_letters.write_due() == 0, "nothing waits"


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_it_once(moderator: User, listing: Listing) -> None:
    submitted(HOURS + 1)
    together(*[duty_letters.write_due] * 4)
    assert Letter.objects.count() == 1
    written(25)
    together(*[duty_letters.write_due] * 4)
    assert Letter.objects.count() == 2


def test_only_staff_whose_address_is_confirmed_is_written_to(
    storefront: Storefront, listing: Listing
) -> None:
    submitted(HOURS + 1)
    unconfirmed = foreign.moderator()
    reachable(owner("buyer").user)
    gone = reachable(foreign.admin())
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert duty_letters.write_due() == 0
    reachable(unconfirmed)
    assert duty_letters.write_due() == 1
    unconfirmed.groups.clear()
    written(25)
    assert duty_letters.write_due() == 0, "it is a moderator's no longer"


@pytest.mark.parametrize(("setting", "value"), [("SENDS_MAIL", False), ("DUTY_LETTER_HOURS", 0)])
def test_a_site_that_wants_none_sends_none(
    moderator: User, listing: Listing, settings: Settings, setting: str, value: object
) -> None:
    submitted(HOURS + 1)
    setattr(settings, setting, value)
    assert duty_letters.write_due() == 0
    assert not DutyLetter.objects.exists()


def test_each_turns_them_off_and_on_at_their_account(moderator: User, listing: Listing) -> None:
    submitted(HOURS + 1)
    browser, form = browser_of(moderator), 'action="/account/letters"'
    assert form in browser.get("/account/").content.decode()
    browser.post("/account/letters", {"letters": "never"})
    assert '<option value="never" selected' in browser.get("/account/").content.decode()
    assert duty_letters.write_due() == 0
    browser.post("/account/letters", {"letters": "odd"})
    assert duty_letters.write_due() == 0
    browser.post("/account/letters", {"letters": "daily"})
    assert duty_letters.write_due() == 1
    visitor = browser_of(User.objects.create_user("visitor"))
    assert form not in visitor.get("/account/").content.decode()
    assert visitor.post("/account/letters", {"letters": "never"}).status_code == 404


def test_nobody_is_told_of_what_they_may_not_judge(moderator: User, listing: Listing) -> None:
    assert what_waits(moderator) == ["1 proposal to judge"]
    Seller.objects.update(owner=moderator)
    assert what_waits(moderator) == [], "they sell it"
    Seller.objects.update(owner=None)
    paid = Wallet.objects.create(
        address=Cast.seller.address, user=moderator, linked_at=timezone.now()
    )
    assert what_waits(moderator) == [], "they are paid for it"
    paid.delete()
    revision = listing.proposed_revision
    assert revision is not None
    said = Verdict.objects.create(
        listing=listing, kind="approve", moderator=moderator, became="counted",
        revision_hash=bytes(revision.hash), ended_at=timezone.now(),
    )  # fmt: skip
    assert what_waits(moderator) == [], "they have said yes, and another has to"
    said.delete()
    judge = Judge(moderator.pk, frozenset())
    holds.take(listing.pk, judge, 900)
    verdicts.approve(listing.pk, bytes(revision.hash), judge, review_rules())
    assert what_waits(moderator) == [], "it is decided"


def test_reports_are_told_of_to_who_did_not_sell_it(moderator: User, listing: Listing) -> None:
    reports.file(listing, "wrong", f"It says Oslo. {WORDS}", report_limits())
    Report.objects.update(at=timezone.now() - timedelta(hours=HOURS + 1))
    assert what_waits(moderator) == ["1 proposal to judge", "1 report about listings"]
    assert duty_letters.write_due() == 1, "the proposal is new, and told of with it"
    assert WORDS not in Letter.objects.get().text
    Seller.objects.update(owner=moderator)
    assert what_waits(moderator) == []


@pytest.mark.django_db(transaction=True)
def test_a_dispute_is_told_of_to_admins_who_are_no_party(
    admin: User, moderator: User, open_shop: Callable[..., Shop]
) -> None:
    shop = open_shop("acme")
    payment = Payment.objects.get(pk=shop.sold(payer=Cast.buyer.address))
    dispute = open_dispute(payment, Request(Reason.OTHER, 2_000, WORDS))
    assert what_waits(admin) == [], "it is the seller's turn"
    move(dispute, Case.REVIEW, Side.SELLER, WORDS)
    since = timezone.now() - timedelta(hours=HOURS + 1)
    DisputeStep.objects.filter(state=Case.OPEN).update(at=since - timedelta(days=3))
    DisputeStep.objects.filter(state=Case.REVIEW).update(at=since)
    DisputeStep.objects.create(
        dispute=dispute, version=9, at=timezone.now(), by=Side.PAYER, state=Case.REVIEW,
        is_move=False, text=WORDS,
    )  # fmt: skip
    assert duties_of(admin, timedelta(hours=HOURS)) == [
        Duty("1 dispute to decide", since, "/moderation/disputes/")
    ]
    assert what_waits(moderator) == []
    assert duty_letters.write_due() == 1
    text = Letter.objects.get(user=admin).text
    assert WORDS not in text
    assert str(dispute.pk) not in text
    Wallet.objects.create(address=Cast.buyer.address, user=admin, linked_at=timezone.now())
    assert what_waits(admin) == [], "they paid"
    Wallet.objects.all().delete()
    Seller.objects.update(owner=admin)
    assert what_waits(admin) == [], "they sold"


@pytest.fixture
def stuck(make_purchase: Any, settings: Settings) -> Callable[[float], None]:
    """A payment of a network that is gone, which waits since so many hours."""

    def make(hours: float) -> None:
        async def sell(made: Purchases) -> Any:
            return await made.claim()

        payment = Payment.objects.filter(pk=make_purchase(sell))
        with connection.cursor() as cursor:
            cursor.execute("alter table payments_payment disable trigger user")
            payment.update(created_at=timezone.now() - timedelta(hours=hours))
            cursor.execute("alter table payments_payment enable trigger user")
        settings.CHAINS = {}

    return make


def test_a_payment_that_nobody_settles_is_told_of_to_admins_and_sooner_than_in_a_day(
    admin: User, moderator: User, stuck: Callable[[float], None]
) -> None:
    assert duty_letters.write_due() == 0
    stuck(HOURS + 1)
    assert what_waits(moderator) == []
    (duty,) = duties_of(admin, timedelta(hours=HOURS))
    assert (duty.what, duty.page) == ("1 payment for an admin to look at", "/operator/")
    assert duty_letters.write_due() == 1
    written(2)
    assert duty_letters.write_due() == 0, "it was told"
    written(HOURS + 2)
    assert duty_letters.write_due() == 1, "it waits since that letter"


@pytest.mark.usefixtures("admin")
def test_what_is_not_urgent_waits_for_the_day_to_be_over(listing: Listing) -> None:
    submitted(HOURS + 1)
    assert duty_letters.write_due() == 1
    written(HOURS + 2)
    assert duty_letters.write_due() == 0


def test_a_ledger_that_differs_is_told_of_to_admins(admin: User, settings: Settings) -> None:
    settings.CHAINS = {NETWORK: {}}
    Reconciliation.objects.create(
        network=NETWORK, asset=USDC, at=timezone.now(), from_block=0, to_block=9, booked=3,
        differences=2,
    )  # fmt: skip
    assert what_waits(admin) == ["2 differences between ledger and chain"]
    assert duty_letters.write_due() == 1
    assert "since" not in Letter.objects.get().text.split("2 differences")[1].split("/operator/")[0]
