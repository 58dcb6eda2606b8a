"""What is served is always an approved revision, whatever happens, at whichever door one asks.

Sellers edit, two moderators judge, change their minds and suspend, in any order; two doors in
processes of their own are asked in between, looking at what is new or with what they remember.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from payments.models import OpenOffer
from sellers import listings
from sellers.drafts import finish
from sellers.models import Listing, Revision, Verdict
from sellers.prices import Ask
from sellers.profile.directory import open_seller
from sellers.refusals import ListingRefused
from sellers.reviews import holds, verdicts
from sellers.reviews.holds import Judge
from sellers.site import review_rules
from tests.fixtures.cast import Cast
from tests.fixtures.one_shelf import OneShelf, shelves
from tests.fixtures.storefront import NETWORK, Storefront

CHEAP, DEAR = "0.01", "2.50"  # a dear one needs two people
WHO = st.sampled_from((0, 1))
ACTIONS = st.one_of(
    st.tuples(st.just("edit"), st.integers(1, 4), st.sampled_from((CHEAP, DEAR))),
    st.tuples(st.sampled_from(("approve", "refuse", "ask", "suspend", "restore", "undo")), WHO),
    st.sampled_from([("pause",), ("resume",), ("ten seconds",), ("ten seconds",)]),
    st.tuples(st.just("door"), WHO, st.booleans()),
)
SOLD = [("edit", 1, CHEAP), ("approve", 0), ("ten seconds",), ("door", 0, True), ("door", 1, True)]
TWICE = [("approve", 0), ("ten seconds",), ("approve", 1), ("ten seconds",)]


class Trade:
    """One listing, those who sell and judge it, and what must hold of it at every moment."""

    def __init__(self, storefront: Storefront, doors: list[OneShelf]) -> None:
        self.storefront, self.doors = storefront, doors
        self.judges = [
            Judge(
                User.objects.get_or_create(username=f"judge-{n}", is_staff=True)[0].pk, frozenset()
            )
            for n in (0, 1)
        ]
        slug = f"weather-{Listing.objects.count()}"
        self.listing = listings.create_draft(open_seller("acme"), slug, self.terms(0, CHEAP))
        self.rules = review_rules()

    def terms(self, number: int, dollars: str) -> Any:
        prices = [Ask(dollars, NETWORK, Cast.seller.address)]
        return finish(self.storefront.draft(title=f"Weather {number}", prices=prices),
                      self.storefront.site)  # fmt: skip

    def act(self, name: str, *said: Any) -> None:
        if name == "door":
            self.look(*said)
            return
        with suppress(ListingRefused):  # not in this state: nothing changed
            self.does(name, *said)()

    def does(self, name: str, *said: Any) -> Callable[[], object]:
        pk, self.now = self.listing.pk, Listing.objects.get(pk=self.listing.pk)
        if name in ("approve", "refuse", "ask", "suspend", "restore", "undo"):
            return lambda: self.judge(name, self.judges[said[0]])
        return {
            "edit": lambda: self.edit(*said),
            "pause": lambda: listings.pause(pk),
            "resume": lambda: listings.resume(pk),
            "ten seconds": self.ten_seconds,
        }[name]

    def edit(self, number: int, dollars: str) -> None:
        listings.propose(self.listing.pk, self.terms(number, dollars))
        listings.submit(self.listing.pk)

    def judge(self, name: str, judge: Judge) -> None:
        pk, rules = self.listing.pk, self.rules
        if name == "suspend":
            verdicts.suspend(pk, "a reason", judge)
        elif name == "restore":
            verdicts.restore(pk, judge, rules, self.now.shelf_version)
        elif name == "undo":
            mine = [each for each in verdicts.lately(judge) if each.listing_id == pk]
            for last in mine[:1]:
                verdicts.undo(last.pk, judge, rules)
        else:
            holds.take(pk, judge, 60)
            proposed = Revision.objects.filter(pk=self.now.proposed_revision_id).first()
            seen = bytes(proposed.hash) if proposed else b""
            if name == "approve":
                verdicts.approve(pk, seen, judge, rules)
            else:
                verdicts.send_back(pk, seen, "a reason", judge, rules, asking=name == "ask")

    def ten_seconds(self) -> None:
        waiting = Verdict.objects.filter(listing=self.listing, due_at__isnull=False)
        waiting.update(due_at=timezone.now())
        verdicts.carry_out_due(self.rules)

    def look(self, which: int, looks: bool) -> None:
        sold = self.doors[which].sells(self.listing.path, looks=looks)
        assert {each["hash"] for each in sold} <= self.approved()
        if looks:
            now = Listing.objects.select_related("live_revision").get(pk=self.listing.pk)
            assert bool(sold) == (now.state == Listing.State.LIVE)
            if sold:
                assert now.live_revision is not None
                assert sold[0]["hash"] == bytes(now.live_revision.hash).hex()

    def approved(self) -> set[str]:
        said = self.listing.verdicts.filter(kind="approve", became="done")
        return {bytes(each).hex() for each in said.values_list("revision_hash", flat=True)}

    def holds_now(self) -> None:
        """What may be claimed, from whichever door, is approved, by enough people, and sold."""
        still = Q(closed_at__isnull=True) | Q(closed_at__gt=Now())
        state = Listing.objects.get(pk=self.listing.pk).state
        for offer in OpenOffer.objects.filter(still, listing_id=self.listing.pk):
            assert state == Listing.State.LIVE
            assert bytes(offer.revision_hash).hex() in self.approved()
            if offer.amount_atomic > 1_000_000:
                said = self.listing.verdicts.filter(
                    kind="approve",
                    revision_hash=bytes(offer.revision_hash),
                    became__in=("counted", "done"),
                )
                assert len(set(said.values_list("moderator_id", flat=True))) == 2


@pytest.fixture
def doors(storefront: Storefront) -> Iterator[list[OneShelf]]:
    with shelves(2) as opened:
        yield opened


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(ACTIONS, min_size=1, max_size=14))
@example(actions=[*SOLD, ("suspend", 1), ("door", 0, False), ("door", 1, True)])
@example(actions=[*SOLD, ("suspend", 1), ("undo", 1), ("door", 0, False), ("door", 1, True)])
@example(actions=[*SOLD, ("edit", 2, DEAR), *TWICE, ("door", 0, False), ("door", 1, True)])
def test_every_door_serves_approved_revisions_alone(
    storefront: Storefront, doors: list[OneShelf], actions: list[tuple[Any, ...]]
) -> None:
    trade = Trade(storefront, doors)
    for name, *said in actions:
        trade.act(name, *said)
        trade.holds_now()
    for which in (0, 1):
        trade.look(which, looks=True)


def test_the_sequences_reach_what_they_are_about(
    storefront: Storefront, doors: list[OneShelf]
) -> None:
    """Else the rule above would hold because nothing is ever sold."""
    trade = Trade(storefront, doors)
    for name, *said in SOLD:
        trade.act(name, *said)
    first = [door.sells(trade.listing.path, looks=False) for door in doors]
    assert [len(each) for each in first] == [1, 1]
    for name, *said in [("edit", 2, DEAR), *TWICE]:
        trade.act(name, *said)
    after = doors[1].sells(trade.listing.path, looks=True)
    assert after[0]["hash"] != first[0][0]["hash"]
    assert len(after) == 2  # the older price is good for a while
    assert doors[0].sells(trade.listing.path, looks=False) == first[0]  # it remembers
    trade.act("suspend", 0)
    assert doors[0].sells(trade.listing.path, looks=True) == []
