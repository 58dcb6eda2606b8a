"""Parts of pages are told when something is over; nobody asks before, and what one types stays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Page, expect

from sellers.models import Domain, Listing, Seller, Verdict
from tests.browser.chromium import Chromium, Seen
from tests.browser.test_live_pages import PATIENCE_MS, streams
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.foreign import browser_of, moderator
from tests.fixtures.stack import Stack

# Longer than any of them once waited before it asked.
LONG_MS = 12_000
# What a worker writes; a browser's thread has no models.
FOUND = """
    update sellers_domain set seen_at = now(), next_look_at = null, claimed_until = null,
           trouble = 'Nothing stands there.', fix = 'Put it there.'
     where name = %s returning 1
"""
CARRIED_OUT = """
    update sellers_verdict set became = 'done', due_at = null, ended_at = now()
     where id = %s returning 1
"""
NAME = "looked-at.example"


def asked(seen: Seen, path: str) -> int:
    """How often a part was asked for."""
    return sum(path in each for each in seen.requested)


def let_time_pass(page: Page) -> None:
    """As long as a page that asks by itself would never wait."""
    expect(page.locator("#live")).to_be_attached()
    page.clock.run_for(LONG_MS)


def test_what_was_found_of_a_domain_is_told_and_not_asked_for(
    browser: Chromium, stack: Stack
) -> None:
    stack.sell()
    with stack.database():
        seller = Seller.objects.get(slug="tests")
        later = {"next_look_at": timezone.now(), "claimed_until": timezone.now() + timedelta(1)}
        Domain.objects.create(seller=seller, name=NAME, token="t", **later)

    def watch(page: Page, seen: Seen) -> list[str]:
        page.clock.install()
        page.goto(f"{stack.base_url}/sell/profile")
        look, about = page.locator("#domain-look"), page.get_by_label("Description")
        expect(look).to_contain_text(f"Looking at {NAME}")
        about.fill("Half typed")
        let_time_pass(page)
        assert asked(seen, "/sell/profile/domain") == 0
        stack.rows(FOUND, NAME)
        expect(look).to_contain_text("Nothing stands there.", timeout=PATIENCE_MS)
        expect(about).to_be_focused()
        expect(about).to_have_value("Half typed")
        expect(page.locator("#live")).to_have_count(0)
        assert (streams(seen), asked(seen, "/sell/profile/domain")) == (1, 1)
        return [*seen.stopped_by, *seen.complaints]

    try:
        with signed_in(stack) as cookie:
            assert browser.visit(watch, headers=cookie) == []
    finally:
        with stack.database():
            Domain.objects.filter(name=NAME).delete()


@contextlib.contextmanager
def two_verdicts(stack: Stack) -> Iterator[tuple[dict[str, str], Verdict, Verdict]]:
    """A moderator's cookie, and what they said of two listings; no worker carries it out yet."""
    paths = [stack.sell().path for _ in range(2)]
    with stack.database(), override_settings(SECRET_KEY=stack.environment["SECRET_KEY"]):
        judge = moderator()
        cookies = browser_of(judge, second_factor=True).cookies
        later = timezone.now() + timedelta(hours=1)
        first, second = (
            Verdict.objects.create(
                listing=Listing.objects.get(slug=path.split("/")[1]),
                kind="restore", moderator=judge, due_at=later,
            )
            for path in paths
        )  # fmt: skip
    try:
        said = "; ".join(f"{name}={each.value}" for name, each in cookies.items())
        yield {"Cookie": said}, first, second
    finally:
        with stack.database():
            Verdict.objects.filter(moderator=judge).delete()
            judge.delete()


def test_what_became_of_a_verdict_is_told_and_moves_no_other_button(
    browser: Chromium, stack: Stack
) -> None:
    def watch(page: Page, seen: Seen) -> list[str]:
        page.clock.install()
        page.goto(f"{stack.base_url}/moderation/")
        of_first, of_second = (page.locator(f"#said-{each.pk}") for each in (first, second))
        expect(of_second).to_contain_text("will be restored")
        undo = of_first.get_by_role("button", name="Undo")
        undo.focus()
        let_time_pass(page)
        assert asked(seen, "/moderation/said") == 0
        stack.rows(CARRIED_OUT, second.pk)
        expect(of_second).to_contain_text("is restored;", timeout=PATIENCE_MS)
        expect(undo).to_be_focused()
        address = page.get_by_label("Its address")
        address.fill("half/typed")
        stack.rows(CARRIED_OUT, first.pk)
        expect(of_first).to_contain_text("is restored;", timeout=PATIENCE_MS)
        expect(address).to_be_focused()
        expect(address).to_have_value("half/typed")
        expect(page.locator("#live")).to_have_count(0)
        assert (streams(seen), asked(seen, "/moderation/said")) == (1, 2)
        return [*seen.stopped_by, *seen.complaints]

    with two_verdicts(stack) as (cookie, first, second):
        assert browser.visit(watch, headers=cookie) == []
