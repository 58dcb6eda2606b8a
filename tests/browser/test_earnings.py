"""A payment's row opens beside the page: by keyboard, with its steps as they come, and back."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium, Seen, widest_px
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack
from tests.fixtures.wallet import buy

PHONE_PX = 390
PATIENCE_MS = 30_000
FOCUSED = "() => document.activeElement.id || document.activeElement.getAttribute('aria-label')"


@dataclass(frozen=True, slots=True)
class Opened:
    """What the drawer did, and what the browser had to say of it."""

    focused_in: str
    focused_after: str
    left_in_it: int
    width_px: float
    faults: list[str]


def test_a_payment_opens_in_a_drawer_and_closes_to_where_one_was(
    browser: Chromium, stack: Stack, cast: type[Cast]
) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    payment = buy(sold.url, cast.buyer).settlement["extensions"]["souk"]["payment"]

    def look(page: Page, seen: Seen) -> Opened:
        page.goto(f"{stack.base_url}/sell/earnings/")
        row, drawer = page.locator(f"#sale-{payment}"), page.locator("#drawer")
        expect(row).to_be_visible(timeout=PATIENCE_MS)
        row.focus()
        page.keyboard.press("Enter")
        expect(drawer).to_be_visible(timeout=PATIENCE_MS)
        focused = str(page.evaluate(FOCUSED))
        # It was opened while the money was on its way, or is final already; it gets there itself.
        expect(drawer.locator(".state")).to_contain_text("final", timeout=PATIENCE_MS)
        width = widest_px(page)
        page.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
        page.wait_for_function("() => document.activeElement !== document.body")
        left = page.locator("#drawer-body > *")
        expect(left).to_have_count(0)
        faults = [*seen.stopped_by, *seen.complaints]
        return Opened(focused, str(page.evaluate(FOCUSED)), left.count(), width, faults)

    with signed_in(stack) as cookie:
        opened = browser.visit(look, width=PHONE_PX, headers=cookie)

    assert opened == Opened("Close", f"sale-{payment}", 0, PHONE_PX, [])
