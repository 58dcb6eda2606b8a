"""Parts of pages are told when something is over; nobody asks before, and what one types stays."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from sellers.models import Domain, Seller
from tests.browser.chromium import Chromium, Seen
from tests.browser.test_live_pages import PATIENCE_MS, streams
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.stack import Stack

# Longer than any of them once waited before it asked.
LONG_MS = 12_000
# What a worker writes; a browser's thread has no models.
FOUND = """
    update sellers_domain set seen_at = now(), next_look_at = null, claimed_until = null,
           trouble = 'Nothing stands there.', fix = 'Put it there.'
     where name = %s returning 1
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
