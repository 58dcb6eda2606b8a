"""A page without a seat asks again and again: it bears faults, says so once, and ends in time."""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from tests.browser.chromium import Chromium, Seen
from tests.browser.test_live_pages import OVER, STEP, waiting_draft
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.stack import Stack

Answers: TypeAlias = Iterator[dict[str, Any] | None]
FAULT: dict[str, Any] = {
    "status": 500,
    "headers": {
        "HX-Reswap": "none",
        "HX-Trigger": json.dumps({"toast": {"text": "Something went wrong.", "tone": "bad"}}),
    },
}
STREAM, ASKED, PART = "**/events?*", "**/events/poll?*", "**/look?*"
TICK_MS, FAULTS = 5_000, 3
PATIENCE_MS = 30_000


def full_house(checkout: Path, route: Route) -> None:
    """What `/events` says when every seat is taken: the element that asks instead."""
    page = (checkout / "templates/poll.html").read_text()
    query = f"?{urlsplit(route.request.url).query}"
    for tag, value in (("{% url 'events-poll' %}", "/events/poll"), ("{{ query }}", query)):
        assert tag in page
        page = page.replace(tag, html.escape(value))
    route.fulfill(
        status=503, content_type="text/html", headers={"HX-Reswap": "innerHTML"}, body=page
    )


def test_a_fault_does_not_end_the_asking(browser: Chromium, stack: Stack, checkout: Path) -> None:
    sheet = waiting_draft(stack)

    def wait(page: Page, seen: Seen) -> int:
        faults: Answers = itertools.chain([FAULT] * FAULTS, itertools.repeat(None))
        page.route(STREAM, lambda each: full_house(checkout, each))
        page.route(
            ASKED,
            lambda each: each.fulfill(**fault) if (fault := next(faults)) else each.continue_(),
        )
        page.clock.install()
        page.goto(f"{stack.base_url}/sell/drafts/{sheet.pk}/endpoint")
        look = page.locator("#look")
        expect(page.locator("#live > div")).to_be_attached()
        stack.rows(STEP, "DNS", "found at once", sheet.pk)
        for _ in range(FAULTS):
            with page.expect_response(ASKED):
                page.clock.run_for(TICK_MS)
        expect(page.locator("#toasts .toast")).to_have_count(1)
        for said in ("found at once", "no word of it"):  # it asks again after it was told
            with page.expect_response(PART), page.expect_response(ASKED):
                page.clock.run_for(TICK_MS)
            expect(look).to_contain_text(said, timeout=PATIENCE_MS)
            stack.rows(STEP, "Status", "no word of it", sheet.pk)
        stack.rows(OVER, sheet.pk)
        with page.expect_response(PART):
            page.clock.run_for(TICK_MS)
        expect(look).not_to_contain_text("Asking the endpoint", timeout=PATIENCE_MS)
        asked = sum("/events/poll?" in each for each in seen.requested)
        page.clock.run_for(TICK_MS * 10)
        return sum("/events/poll?" in each for each in seen.requested) - asked

    with signed_in(stack) as cookie:
        assert browser.visit(wait, headers=cookie) == 0


def test_a_part_that_was_not_given_is_asked_for_again(browser: Chromium, stack: Stack) -> None:
    """Told of the last step once, and never again: a fault there would leave it waiting."""
    sheet = waiting_draft(stack)

    def wait(page: Page, seen: Seen) -> None:
        faults: Answers = itertools.chain([FAULT], itertools.repeat(None))
        page.route(
            PART,
            lambda each: each.fulfill(**fault) if (fault := next(faults)) else each.continue_(),
        )
        page.goto(f"{stack.base_url}/sell/drafts/{sheet.pk}/endpoint")
        look = page.locator("#look")
        expect(look).to_contain_text("Waiting for a worker")
        stack.rows(OVER, sheet.pk)
        expect(page.locator("#toasts .toast")).to_have_count(1, timeout=PATIENCE_MS)
        expect(look).not_to_contain_text("Waiting for a worker", timeout=PATIENCE_MS)

    with signed_in(stack) as cookie:
        browser.visit(wait, headers=cookie)
