"""Every page of ours, in a real browser: it obeys its own policy, fits, and serves a keyboard."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import Chromium, Seen, widest_px
from tests.browser.contrast import LEAST, Rgb, contrast, luminance
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import buy

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenverkaufsstatistik"
PHONE_PX = 390
THEMES = ("light", "dark")
PAGES = (
    "home",
    "market",
    "nothing found",
    "listing",
    "seller",
    "price",
    "payment",
    "uncharged payment",
    "unknown payment",
    "nowhere",
    "styleguide",
    "sign in",
    "sign up",
)
FOCUS = """() => {
  const it = document.activeElement, style = getComputedStyle(it);
  return it === document.body ? null
    : [it.outerHTML, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0];
}"""
# What can be seen and used; of a group of radio buttons the keyboard stops at one.
CONTROLS = """() => {
  const groups = new Set();
  const all = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  return [...document.querySelectorAll(all)]
    .filter(e => e.checkVisibility() && !e.disabled && e.type !== 'hidden')
    .filter(e => e.type !== 'radio' || (!groups.has(e.form) && groups.add(e.form)))
    .map(e => e.outerHTML);
}"""
# Of each text: its colour, the colour behind it (the nearest that is not transparent), a sample.
TEXTS = """() => {
  const behind = e => { for (; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour; } };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => [getComputedStyle(e).color, behind(e), e.textContent.trim().slice(0, 40)]);
}"""


PAPER = "() => getComputedStyle(document.body).backgroundColor"


@dataclass(frozen=True, slots=True)
class Looked:
    """What there was to see of one page."""

    seen: Seen
    policy: str
    widest_px: float
    paper: str
    texts: list[tuple[str, str, str]]


LookAt = Callable[[str, str], Looked]


@pytest.fixture(scope="module")
def pages(_shared_stack: Stack) -> dict[str, str]:
    """The address of each page, with the worst words a seller can put on it."""
    stack, buyer = _shared_stack, Cast.buyer
    stack.chain.fund(buyer.address, 1)
    sold = stack.sell(title=f"Die {LONG_WORD}", description=f"{LONG_WORD} " * 12)
    failing = stack.sell(behaviour=answer(b"{}", status=500))
    paid, failed = buy(sold.url, buyer), buy(failing.url, buyer)
    payments = f"{stack.base_url}/p"
    return {
        "home": f"{stack.base_url}/",
        "market": f"{stack.base_url}/market",
        "nothing found": f"{stack.base_url}/market?q={LONG_WORD}x&tag=none&maxPrice=0",
        "listing": f"{stack.base_url}/l/{sold.path}",
        "seller": f"{stack.base_url}/s/tests",
        "price": sold.url,
        "payment": f"{payments}/{paid.headers['x-souk-payment']}",
        "uncharged payment": f"{payments}/{failed.headers['x-souk-payment']}",
        "unknown payment": f"{payments}/{secrets.token_hex(8)}",
        "nowhere": f"{stack.base_url}/nowhere",
        "styleguide": f"{stack.base_url}/styleguide",
        "sign in": f"{stack.base_url}/account/sign-in",
        "sign up": f"{stack.base_url}/account/sign-up",
    }


@pytest.fixture(scope="module")
def looked_at(browser: Chromium, pages: dict[str, str]) -> LookAt:
    """Each page on a phone, once in each theme."""

    @cache
    def look_at(name: str, theme: str) -> Looked:
        def look(page: Page, seen: Seen) -> Looked:
            response = page.goto(pages[name])
            assert response is not None
            policy = response.headers["content-security-policy"]
            paper = str(page.evaluate(PAPER))
            return Looked(seen, policy, widest_px(page), paper, page.evaluate(TEXTS))

        return browser.visit(look, theme=theme, width=PHONE_PX)

    return look_at


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_obeys_its_policy_and_asks_nobody_else(
    looked_at: LookAt, stack: Stack, name: str, theme: str
) -> None:
    looked = looked_at(name, theme)

    assert (looked.seen.stopped_by, looked.seen.complaints) == ([], [])
    assert looked.seen.requested_beyond(stack.base_url) == []
    assert "default-src 'none'" in looked.policy
    assert "unsafe" not in looked.policy


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_one_script_and_one_style(looked_at: LookAt, name: str) -> None:
    """But for a price's page, whose style is inside it."""
    paths = [urlsplit(url).path for url in looked_at(name, "light").seen.requested]

    assert len([path for path in paths if path.endswith(".js")]) == 1
    assert len([path for path in paths if path.endswith(".css")]) == (name != "price")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(looked_at: LookAt, name: str) -> None:
    assert looked_at(name, "light").widest_px == PHONE_PX


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_every_text_can_be_read_in_the_browsers_theme(
    looked_at: LookAt, name: str, theme: str
) -> None:
    looked = looked_at(name, theme)

    assert (luminance(read_rgb(looked.paper)) < 0.5) == (theme == "dark")
    assert looked.texts
    for colour, behind, sample in looked.texts:
        assert contrast(read_rgb(colour), read_rgb(behind)) >= LEAST, sample


def test_what_a_policy_stops_is_noticed(browser: Chromium, pages: dict[str, str]) -> None:
    def look(page: Page, seen: Seen) -> Seen:
        response = page.goto(pages["home"])
        assert response is not None
        policy = {"Content-Security-Policy": response.headers["content-security-policy"]}
        bad = "<!doctype html><script>1</script><img src='http://127.0.0.2:1/'><p style='top:0'>"
        page.route("**/bad", lambda route: route.fulfill(body=bad, headers=policy))
        page.goto(f"{pages['home']}bad")
        return seen

    seen = browser.visit(look)

    assert set(seen.stopped_by) == {"script-src-elem", "img-src", "style-src-attr"}
    assert len(seen.complaints) == len(seen.stopped_by)


def test_a_laptops_other_name_shows_the_page_as_well(
    browser: Chromium, pages: dict[str, str]
) -> None:
    def look(page: Page, seen: Seen) -> tuple[str, list[str]]:
        page.goto(pages["home"].replace("127.0.0.1", "localhost"))
        return str(
            page.evaluate("() => getComputedStyle(document.body).fontFamily")
        ), seen.stopped_by

    font, stopped = browser.visit(look)

    assert "system-ui" in font
    assert stopped == []


@pytest.mark.parametrize("name", PAGES)
def test_a_keyboard_reaches_everything_and_shows_where_it_is(
    browser: Chromium, pages: dict[str, str], name: str
) -> None:
    def look(page: Page, seen: Seen) -> tuple[list[str], list[tuple[str, bool]]]:
        page.goto(pages[name])
        controls, reached = page.evaluate(CONTROLS), []
        for _ in controls:
            page.keyboard.press("Tab")
            reached.append(page.evaluate(FOCUS))
        return controls, reached

    controls, reached = browser.visit(look, width=PHONE_PX)

    assert controls
    assert [control for control, _ in reached] == controls
    assert all(outlined for _, outlined in reached)


def read_rgb(colour: str) -> Rgb:
    red, green, blue = colour.removeprefix("rgb(").rstrip(")").split(", ")
    return float(red), float(green), float(blue)
