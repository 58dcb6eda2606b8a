"""A listing's page in a real browser: a way to each part, for any hand, on any screen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium, Seen, widest_px
from tests.fixtures.stack import Stack

PHONE_PX, DESK_PX = 390, 1280
# What of a page's beginning has to be seen without scrolling.
FIRST_SCREEN = ("h1", ".page-head .price", ".page-head .badge", ".page-head .button")
BOTTOM = "e => e.getBoundingClientRect().bottom"
TOP = "e => e.getBoundingClientRect().top"
# How much of what has the focus lies under the bar, if the bar stays on the screen.
COVERED = """() => {
  const bar = document.querySelector('.parts'), e = document.activeElement;
  if (bar.contains(e) || e === document.body) return 0;
  const over = bar.getBoundingClientRect(), box = e.getBoundingClientRect();
  const across = Math.min(over.right, box.right) - Math.max(over.left, box.left);
  const deep = Math.min(over.bottom, box.bottom) - Math.max(over.top, box.top);
  return across > 0 && deep > 0 ? deep : 0;
}"""
PLACES = """() => [...document.querySelectorAll('.parts a')]
  .map(e => [e.offsetLeft, e.offsetTop, e.offsetWidth, e.offsetHeight])"""


@pytest.fixture(scope="module")
def address(_shared_stack: Stack) -> str:
    """A listing with a name and a description as long as they may be."""
    sold = _shared_stack.sell(
        title="The weather of every city there is, " * 2 + "now",
        description="Temperature, wind and rain of a city, by the hour. " * 9,
    )
    return f"{_shared_stack.base_url}/l/{sold.path}"


@pytest.mark.parametrize("width", [PHONE_PX, DESK_PX])
def test_the_first_screen_answers_what_it_is_costs_and_how_to_try_it(
    browser: Chromium, address: str, width: int
) -> None:
    def look(page: Page, seen: Seen) -> dict[str, float]:
        page.set_viewport_size({"width": width, "height": 780})
        page.goto(address)
        return {each: page.locator(each).first.evaluate(BOTTOM) for each in FIRST_SCREEN}

    bottoms = browser.visit(look, width=width)

    assert max(bottoms.values()) < 780 - 60, bottoms  # the ways of a phone stand over the last 60


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("width", [PHONE_PX, DESK_PX])
def test_every_link_of_the_bar_shows_its_part(
    browser: Chromium, address: str, width: int, script: bool
) -> None:
    def look(page: Page, seen: Seen) -> tuple[dict[str, tuple[float, float]], float]:
        page.goto(address)
        links, found = page.locator(".parts a"), {}
        for at in range(links.count()):
            name = links.nth(at).get_attribute("href") or ""
            links.nth(at).click()
            bar = page.locator(".parts").evaluate(BOTTOM)
            part = page.locator(f"section{name}")
            expect(part).to_be_in_viewport()
            found[name] = (part.locator("h2").first.evaluate(TOP), bar)
        return found, widest_px(page)

    found, widest = browser.visit(look, width=width, script=script)

    assert len(found) == 8
    assert widest == width
    for name, (heading, bar) in found.items():
        assert 0 <= heading < 900, name
        assert width == PHONE_PX or heading >= bar, f"{name} is under the bar"


@pytest.mark.parametrize("width", [PHONE_PX, DESK_PX])
def test_the_keyboard_goes_through_the_bar_and_on_from_the_part(
    browser: Chromium, address: str, width: int
) -> None:
    def look(page: Page, seen: Seen) -> tuple[list[str], bool]:
        page.goto(address)
        page.locator(".page-head .button").focus()
        labels = page.locator(".parts a").all_inner_texts()
        walked: list[str] = []
        while labels and len(walked) < 40 and labels[-1] not in walked:
            page.keyboard.press("Tab")
            walked.append(page.locator(":focus").inner_text())
        walked = walked[-len(labels) :]
        page.locator(".parts a", has_text="Schema").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = page.locator("#schema :focus").count() == 1
        return walked if walked == labels else [*walked, "is not", *labels], inside

    walked, inside = browser.visit(look, width=width)

    assert "is not" not in walked, walked
    assert inside, "the next stop is not in the part that was led to"


def test_nothing_that_has_the_focus_is_under_the_bar(browser: Chromium, address: str) -> None:
    def look(page: Page, seen: Seen) -> list[tuple[str, float]]:
        page.goto(address)
        page.locator("footer.site a").last.focus()
        covered = []
        for key in ["Shift+Tab"] * 60 + ["Tab"] * 60:
            page.keyboard.press(key)
            if deep := page.evaluate(COVERED):
                covered.append((page.evaluate("() => document.activeElement.outerHTML"), deep))
        return covered

    assert browser.visit(look, width=DESK_PX) == []


def test_the_part_that_is_read_is_marked_and_nothing_moves(browser: Chromium, address: str) -> None:
    def look(page: Page, seen: Seen) -> tuple[list[str], list[Any], list[Any]]:
        page.goto(address)
        before, marked = page.evaluate(PLACES), []
        current = page.locator(".parts [aria-current]")
        for name in ("Docs", "History", "Stats"):
            page.locator(".parts a", has_text=name).click()
            expect(current).to_have_text(name)
            marked.append(current.inner_text())
        page.mouse.wheel(0, -100_000)
        expect(current).to_have_count(0)
        page.mouse.wheel(0, 100_000)
        expect(current).to_have_text("History")
        return marked, before, page.evaluate(PLACES)

    marked, before, after = browser.visit(look, width=DESK_PX)

    assert marked == ["Docs", "History", "Stats"]
    assert before == after
