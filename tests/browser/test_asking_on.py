"""A page that asks again and again bears a fault: it says so once, goes on, and ends in time."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page, expect

from sellers import worksheets
from sellers.models import Look, Seller
from tests.browser.chromium import Chromium, Seen
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.stack import Stack

FAULT: dict[str, Any] = {
    "status": 500,
    "headers": {
        "HX-Reswap": "none",
        "HX-Trigger": json.dumps({"toast": {"text": "Something went wrong.", "tone": "bad"}}),
    },
}
COME: dict[str, Any] = {
    "status": 200,
    "content_type": "text/html",
    "body": '<div id="look" class="stack"><a id="kept" href="/">It has come.</a></div>',
}
ASKED = "**/look?*"
TICK_MS, FAULTS = 700, 3


def test_a_fault_does_not_end_the_asking(browser: Chromium, stack: Stack) -> None:
    stack.sell()
    with stack.database():
        sheet = worksheets.start(Seller.objects.get(slug="tests"), {"upstream_url": "https://x.y"})
        later = timezone.now() + timedelta(hours=1)  # no worker takes it
        Look.objects.create(worksheet=sheet, due_at=later, asked={"method": "GET", "url": "x"})

    def wait(page: Page, seen: Seen) -> int:
        answers = itertools.chain([FAULT] * FAULTS, itertools.repeat(COME))
        page.route(ASKED, lambda each: each.fulfill(**next(answers)))
        page.clock.install()
        page.goto(f"{stack.base_url}/sell/drafts/{sheet.pk}/endpoint")
        for _ in range(FAULTS):
            with page.expect_response(ASKED):
                page.clock.run_for(TICK_MS)
        expect(page.locator("#toasts .toast")).to_have_count(1)
        expect(page.locator("#look")).to_contain_text("Waiting for a worker")
        with page.expect_response(ASKED):
            page.clock.run_for(TICK_MS)
        expect(page.locator("#look")).to_contain_text("It has come.")
        page.clock.run_for(TICK_MS * 10)
        return sum("/look?" in each for each in seen.requested)

    with signed_in(stack) as cookie:
        assert browser.visit(wait, headers=cookie) == FAULTS + 1
