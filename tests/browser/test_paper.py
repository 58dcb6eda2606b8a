"""What a printer gets: the facts in full, and nothing that only a screen can do."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.test import override_settings
from playwright.sync_api import Page

from tests.browser.chromium import Chromium, Seen
from tests.fixtures.buying import owner
from tests.fixtures.cast import person
from tests.fixtures.stack import Stack
from tests.fixtures.wallet import buy

PAYER = "payer who prints"
# How many of what a selector finds can be seen.
SEEN = """selector => [...document.querySelectorAll(selector)]
  .filter(e => e.checkVisibility({visibilityProperty: true})).length"""
# What stands behind or instead of an element, beside what its title says.
SAID_AFTER = """selector => [...document.querySelectorAll(selector)]
  .filter(e => e.checkVisibility())
  .map(e => [getComputedStyle(e, '::after').content, e.title, getComputedStyle(e).fontSize])"""
INK = """() => {
  const {backgroundColor, color, colorScheme} = getComputedStyle(document.body);
  return [backgroundColor, color, colorScheme];
}"""
WHITE, NEARLY_BLACK = "rgb(255, 255, 255)", "rgb(29, 27, 23)"


@pytest.fixture(scope="module")
def payment(_shared_stack: Stack) -> str:
    """The page of a payment that is final, so that nothing on it changes any more."""
    stack, payer = _shared_stack, person(PAYER)
    stack.chain.fund(payer.address, 1)
    page = f"/p/{buy(stack.sell().url, payer).headers['x-souk-payment']}"
    stack.wait_until(
        lambda: stack.rows("select 1 from payments_receipt where payment_id = %s", page[3:]),
        "a receipt",
    )
    return stack.base_url + page


@pytest.fixture(scope="module")
def payers_cookie(_shared_stack: Stack) -> dict[str, str]:
    """Whoever prints is signed in with the wallet that paid."""
    stack = _shared_stack
    secret = stack.environment["SECRET_KEY"]
    with stack.database(), override_settings(SECRET_KEY=secret):
        signed_in = owner(PAYER, person(PAYER).address).client.cookies
    return {"Cookie": "; ".join(f"{name}={each.value}" for name, each in signed_in.items())}


@dataclass(frozen=True, slots=True)
class Sheet:
    """How much of each thing is seen on the screen, and how much on paper."""

    screen: dict[str, int]
    paper: dict[str, int]


def on_both(page: Page, *selectors: str) -> Sheet:
    screen = {each: int(page.evaluate(SEEN, each)) for each in selectors}
    page.emulate_media(media="print")
    return Sheet(screen, {each: int(page.evaluate(SEEN, each)) for each in selectors})


def test_a_receipts_paper_has_the_facts_and_no_controls(
    browser: Chromium, payment: str, payers_cookie: dict[str, str]
) -> None:
    controls = (
        "header.site", ".crumbs", "footer.site form", "footer.site nav", ".button", ".copy",
        "details:not([open])", "section:has(#again)", "section:has(#wrong)",
    )  # fmt: skip
    facts = (
        "h1",
        ".amount",
        "footer.site",
        ".timeline > li",
        "section:has(#chain) dd",
        "section:has(#check)",
    )

    def look(page: Page, seen: Seen) -> Sheet:
        page.goto(payment)
        return on_both(page, *controls, *facts)

    sheet = browser.visit(look, headers=payers_cookie)

    assert all(sheet.screen[each] for each in controls + facts), "or it shows nothing"
    assert {each: sheet.paper[each] for each in controls} == dict.fromkeys(controls, 0)
    assert [sheet.paper[each] for each in facts] == [sheet.screen[each] for each in facts]


def test_what_held_buttons_alone_leaves_no_gap(browser: Chromium, payment: str) -> None:
    rows = "section:has(#receipt) .row"

    def look(page: Page, seen: Seen) -> Sheet:
        page.goto(payment)
        return on_both(page, rows, f"{rows} > .button", "section:has(#receipt) .hint")

    sheet = browser.visit(look)

    assert list(sheet.screen.values()) == [1, 2, 1]
    assert list(sheet.paper.values()) == [0, 0, 1]


def test_dark_pages_are_printed_dark_on_white(browser: Chromium, payment: str) -> None:
    def look(page: Page, seen: Seen) -> tuple[list[str], list[str]]:
        page.goto(payment)
        screen = page.evaluate(INK)
        page.emulate_media(media="print")
        return screen, page.evaluate(INK)

    screen, paper = browser.visit(look, theme="dark")

    assert screen[0] != WHITE
    assert paper == [WHITE, NEARLY_BLACK, "light"]


def test_what_a_screen_shortens_is_whole_on_paper(browser: Chromium, stack: Stack) -> None:
    """Times say when and not how long ago; addresses can be typed from the sheet."""
    times, addresses = "time[title]", ".address code.short"

    def look(page: Page, seen: Seen) -> list[list[tuple[str, str, str]]]:
        page.goto(f"{stack.base_url}/styleguide")
        screen = page.evaluate(SAID_AFTER, times) + page.evaluate(SAID_AFTER, addresses)
        page.emulate_media(media="print")
        return [screen, page.evaluate(SAID_AFTER, times), page.evaluate(SAID_AFTER, addresses)]

    screen, when, where = browser.visit(look)

    assert {said for said, *_ in screen} == {"none"}
    assert when
    assert where
    for said, title, words_px in when:
        assert (said, words_px) == (f'"{title}"', "0px"), "not both, the moment and how long ago"
    for said, title, _ in where:
        assert said == f'" {title}"'


def test_ways_to_other_pages_stay_on_the_screen(browser: Chromium, stack: Stack) -> None:
    ways = (".pager", ".toasts", ".chart-table summary", "footer.site")
    figures = ".chart-table tr"

    def look(page: Page, seen: Seen) -> Sheet:
        page.goto(f"{stack.base_url}/styleguide")
        page.locator(".chart-table summary").first.click()
        return on_both(page, *ways, figures)

    sheet = browser.visit(look)

    assert all(sheet.screen[each] for each in ways)
    assert {each: sheet.paper[each] for each in ways} == dict.fromkeys(ways, 0)
    assert sheet.paper[figures] == sheet.screen[figures] > 0, "the numbers that were opened stay"
