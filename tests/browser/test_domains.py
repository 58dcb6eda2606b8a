"""A seller names a domain and has it looked at: a worker looks, and the page says what it found."""

from __future__ import annotations

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from sellers.profile import directory
from tests.browser.chromium import Chromium, Seen
from tests.fixtures.stack import Stack

PATIENCE_MS = 30_000
NAME, PASSWORD = "prover", "eleven blue kettles"
NOWHERE = "nowhere.invalid"  # no name server knows it


def test_what_a_look_found_stands_there_without_a_reload(browser: Chromium, stack: Stack) -> None:
    with stack.database():
        directory.open_seller_for(User.objects.create_user(NAME, password=PASSWORD), NAME, NAME)

    def prove(page: Page, seen: Seen) -> Seen:
        page.goto(f"{stack.base_url}/account/sign-in?next=/sell/profile")
        page.get_by_role("textbox", name="Name").fill(NAME)
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.get_by_role("textbox", name="Domain").fill(f"https://{NOWHERE}/")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("no https://, port")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_role("textbox", name="Domain")).to_be_focused()
        page.get_by_role("textbox", name="Domain").fill(NOWHERE)
        page.get_by_role("button", name="Continue").click()
        line = page.get_by_text(f"souk-seller={NAME}/")
        expect(line).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_role("button", name="Check now").click()
        found = page.get_by_text(f"{NOWHERE} was not found in DNS")
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        expect(line).to_be_visible()
        return seen

    seen = browser.visit(prove)

    assert seen.stopped_by == []
