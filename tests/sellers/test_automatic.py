"""What the operator's rules approve, and what they leave to people."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from sellers.grading.checks import Check
from sellers.models import Listing, Payout, Report, Verdict
from sellers.profile import look_alikes
from sellers.reviews import automatic, verdicts
from sellers.site import review_rules
from tests.fixtures.cast import Cast
from tests.marketplace.moderation.bench import became, judge, let_time_pass, propose
from tests.marketplace.moderation.conftest import desk as desk
from tests.marketplace.moderation.conftest import moderator as moderator
from tests.sellers.desk import Desk, open_desk

State = Listing.State


@pytest.fixture
def known(desk: Desk, moderator: Client, settings: Settings) -> Listing:
    """A listing of a seller whom people have approved often enough."""
    settings.AUTO_APPROVE_BELOW, settings.AUTO_APPROVE_AFTER = Decimal("0.10"), 1
    listing = desk.submitted()
    assert Verdict.objects.count() == 0  # nobody knew them
    judge(moderator, listing, "approve")
    listing.refresh_from_db()
    assert listing.state == State.LIVE
    return listing


def test_a_small_change_of_a_known_seller_needs_nobody(known: Listing, desk: Desk) -> None:
    listing = propose(desk, dollars="0.05")
    verdicts.carry_out_due(review_rules())
    assert became(listing)[-1] == ("approve", "done")
    verdict = Verdict.objects.latest("at")
    assert (verdict.by_rules, verdict.moderator_id) == (True, None)
    listing.refresh_from_db()
    assert listing.submitted_at is None


def test_people_look_at_everything_unless_the_operator_says_otherwise(
    known: Listing, desk: Desk, settings: Settings
) -> None:
    settings.AUTO_APPROVE_BELOW = Decimal(0)
    propose(desk, dollars="0.05")
    assert let_time_pass() == 0


def test_money_never_goes_elsewhere_by_rules(
    known: Listing, desk: Desk, settings: Settings
) -> None:
    settings.PAYOUT_COOLDOWN_SECONDS = 0
    desk.wallet = Cast.other_seller
    desk.prove()
    listing = propose(desk, pay_to=Cast.other_seller.address)
    assert let_time_pass() == 0
    said = automatic.objections(listing, [], review_rules())
    assert "the payout wallet changes" in said
    assert "money would go into a wallet that this seller was never paid into" in said


def test_what_is_dear_reported_or_refused_is_left_to_people(
    known: Listing, desk: Desk, moderator: Client, settings: Settings
) -> None:
    settings.REVIEW_PEOPLE_ABOVE = Decimal("0.05")
    listing = propose(desk, dollars="0.10")
    checks = [Check("returns-402", False, "required", "", "402", "200")]

    def said() -> list[str]:
        return automatic.objections(listing, checks, review_rules())

    assert said() == [
        "a call costs $0.10 or more",
        "a call costs more than $0.05",
        "the check returns-402 fails",
    ]
    Report.objects.create(listing=listing, about="other", text="It is odd.")
    assert "a report about this seller is open" in said()
    judge(moderator, listing, "refuse", reason="Too dear.")
    assert "something of this seller was refused or suspended in 90 days" in said()
    Payout.objects.update(revoked_at=listing.created_at)
    assert "the seller has proven no wallet" in said()


def test_a_stranger_who_copies_a_known_seller_is_left_to_people(known: Listing, desk: Desk) -> None:
    twin = open_desk("quill", Cast.other_seller, desk.upstream_url)
    listing = twin.submitted()
    assert let_time_pass() == 0
    said = " ".join(automatic.objections(listing, [], review_rules()))
    assert "its title reads the same as that of atlas/weather" in said
    assert "people approved 0 of 1" in said


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("paypal", "paypal", 0), ("paypal", "paypa", 1), ("paypal", "payapl", 1),
        ("weather", "wheather", 1), ("openweather", "opemweathr", 2), ("alpha", "omega", 3),
    ],
)  # fmt: skip
def test_letters_apart(one: str, other: str, apart: int) -> None:
    assert look_alikes.letters_apart(one, other, 2) == apart
    assert look_alikes.letters_apart(other, one, 2) == apart


@pytest.mark.parametrize(
    ("one", "other"),
    [("Weather", "Wеаthеr"), ("microsoft", "rnicros0ft"), ("τwitter", "twitter"), ("вank", "bank")],
)
def test_letters_of_other_alphabets_are_seen_through(one: str, other: str) -> None:
    assert look_alikes.skeleton(one) == look_alikes.skeleton(other)


def test_a_word_of_two_alphabets_is_noticed_and_a_sentence_of_two_is_not() -> None:
    assert look_alikes.mixed_alphabets("City Wеather") == ["CYRILLIC", "LATIN"]
    assert look_alikes.mixed_alphabets("City Погода") == []
    assert look_alikes.host_of("https://www.xn--bcher-kva.example/x") == "bücher.example"
    assert look_alikes.host_of("https://xn--strae-oqa.example") == "straße.example"  # since 2010
