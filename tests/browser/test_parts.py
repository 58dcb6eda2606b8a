"""What pages do by themselves: a form answered in place, a toast, a copy, a theme, a dialog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium, Seen, widest_px
from tests.fixtures.stack import Stack

PHONE_PX = 390
# What a finger has to hit: all but links in running text (WCAG 2.2, 2.5.8 lets those be). A small
# control has a larger, unseen ground around it, and a box to tick has its label.
SMALL = """() => {
  const room = e => {
    const ground = parseFloat(getComputedStyle(e, '::after').inset) || 0;
    const hit = e.closest('label') ?? e;
    return hit.getBoundingClientRect().height - 2 * Math.min(ground, 0);
  };
  return [...document.querySelectorAll('button, select, textarea, summary, input, nav a, a.button')]
    .filter(e => e.checkVisibility() && e.type !== 'hidden' && room(e) < 43.5)
    .map(e => [e.outerHTML.slice(0, 80), room(e)]);
}"""


# By how much the focus's ring stands clear of the words it is around, at the left and at the right,
# how far it reaches out of its tab, and how far off the next tab of the line is.
RING = """() => {
  const tab = document.activeElement, box = tab.getBoundingClientRect();
  const {outlineStyle, outlineWidth, outlineOffset} = getComputedStyle(tab);
  const words = document.createRange();
  words.selectNodeContents(tab);
  const inside = words.getBoundingClientRect(), offset = parseFloat(outlineOffset);
  const reach = offset + parseFloat(outlineWidth);
  const next = tab.closest('li').nextElementSibling?.getBoundingClientRect();
  return {
    drawn: outlineStyle !== 'none' && parseFloat(outlineWidth) > 0,
    left: inside.left - (box.left - offset),
    right: (box.right + offset) - inside.right,
    apart: !next || next.top >= box.bottom ? reach + 1 : next.left - box.right,
    reach,
  };
}"""


@dataclass(frozen=True, slots=True)
class Tried:
    """One visit that tries everything, in the order in which the tests read it."""

    stopped_by: list[str]
    complaints: list[str]
    widest_px: float
    small: list[tuple[str, float]]
    refused: tuple[int, str, str]  # status, which field has the focus, what was typed
    saved: tuple[int, str]
    copied: str
    dialog: tuple[bool, bool]
    points: tuple[str, str]
    theme: tuple[str, str]


@pytest.fixture(scope="module")
def tried(browser: Chromium, _shared_stack: Stack) -> Tried:
    address = f"{_shared_stack.base_url}/styleguide"

    def look(page: Page, seen: Seen) -> Tried:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(address)
        width, small = widest_px(page), page.evaluate(SMALL)
        refused = _send(page, title="")
        refused_focus = str(page.evaluate("() => document.activeElement.name"))
        typed = page.locator("#sample-form [name=url]").input_value()
        saved = _send(page, title="Weather")
        said = page.locator("#toasts .toast").inner_text()
        page.locator(".snippet .copy").first.click()
        expect(page.locator(".toast", has_text="Copied")).to_be_visible()
        copied = str(page.evaluate("() => navigator.clipboard.readText()"))
        return Tried(
            seen.stopped_by,
            [said for said in seen.complaints if "422" not in said],
            width,
            small,
            (refused, refused_focus, typed),
            (saved, said),
            copied,
            _dialog(page),
            _points(page),
            _theme(page),
        )

    return browser.visit(look, width=PHONE_PX)


def _send(page: Page, title: str) -> int:
    form = page.locator("#sample-form")
    form.locator("[name=title]").fill(title)
    form.locator("[name=url]").fill("https://api.example/weather")
    form.locator("[name=price]").fill("0.01")
    form.locator("[name=release][value=hold]").check()
    with page.expect_response("**/styleguide") as answered:
        form.get_by_role("button", name="Save and go on").click()
    page.wait_for_function(
        "() => !document.querySelector('.htmx-swapping, #sample-form.htmx-request')"
    )
    return answered.value.status


def _dialog(page: Page) -> tuple[bool, bool]:
    page.get_by_role("button", name="Open a dialog").click()
    dialog = page.locator("#guide-dialog")
    opened = dialog.is_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    return opened, dialog.is_visible()


def _points(page: Page) -> tuple[str, str]:
    """A chart is one stop of the keyboard; arrows walk over it."""
    page.locator(".plot .slot[tabindex='0']").first.focus()
    label = "() => document.activeElement.getAttribute('aria-label')"
    last = str(page.evaluate(label))
    page.keyboard.press("ArrowLeft")
    return last, str(page.evaluate(label))


def _theme(page: Page) -> tuple[str, str]:
    chosen = "() => document.documentElement.dataset.theme"
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark", exact=True).click()
    at_once = str(page.evaluate(chosen))
    page.reload()
    return at_once, str(page.evaluate(chosen))


def test_nothing_is_stopped_by_the_policy_and_nothing_sticks_out(tried: Tried) -> None:
    assert (tried.stopped_by, tried.complaints) == ([], [])
    assert tried.widest_px == PHONE_PX


def test_a_finger_hits_every_control(tried: Tried) -> None:
    assert tried.small == []


def test_a_refused_form_comes_back_in_place_with_what_was_typed(tried: Tried) -> None:
    assert tried.refused == (422, "title", "https://api.example/weather")


def test_a_saved_form_says_so(tried: Tried) -> None:
    status, said = tried.saved

    assert status == 200
    assert "Saved." in said


def test_a_command_is_copied(tried: Tried) -> None:
    assert tried.copied == "curl -i 'https://souk.example/call/weather?city=Paris'"


def test_a_dialog_opens_and_closes(tried: Tried) -> None:
    assert tried.dialog == (True, False)


def test_a_chart_is_walked_with_arrows(tried: Tried) -> None:
    assert tried.points == ("30 Nov: $12.5", "29 Nov: $16.25")


def test_the_theme_changes_at_once_and_stays(tried: Tried) -> None:
    assert tried.theme == ("dark", "dark")


@pytest.mark.parametrize("width", [PHONE_PX, 1280])
def test_the_focus_of_a_tab_is_drawn_around_its_word(
    browser: Chromium, stack: Stack, width: int
) -> None:
    def look(page: Page, seen: Seen) -> list[dict[str, Any]]:
        page.goto(f"{stack.base_url}/styleguide")
        tabs = page.locator(".tabs").first.locator("a")
        tabs.first.focus()
        rings = []
        for number in range(tabs.count()):
            if number:
                page.keyboard.press("Tab")
            else:  # by keyboard, so that the ring is drawn
                page.keyboard.press("Shift+Tab")
                page.keyboard.press("Tab")
            expect(tabs.nth(number)).to_be_focused()
            rings.append(page.evaluate(RING))
        return rings

    rings = browser.visit(look, width=width)

    assert len(rings) > 1
    for ring in rings:
        assert ring["drawn"]
        assert min(ring["left"], ring["right"]) >= 0, "the ring goes through the word"
        assert ring["apart"] > ring["reach"], "the ring touches the next tab"
