"""What is typed while the site is slow to save is saved as well, and the last word stands."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import SimpleCookie

from playwright.sync_api import Page, Route

from sellers.drafting import worksheets
from sellers.models import Seller, Worksheet
from tests.browser.chromium import Chromium, Seen
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.stack import Stack

# How many of two presses leave the page; neither does in fact.
PRESS_TWICE = """() => {
  let sent = 0;
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) sent += 1;
    event.preventDefault();
  });
  const form = document.querySelector("form[action$='/review']");
  form.requestSubmit();
  form.requestSubmit();
  return sent;
}"""
WORDS = ("City", "City weather", "City weather, now")
SAVES = "**/autosave"
DELAY_MS_MAX = 800  # how long a page waits for the next letter


def test_the_last_word_is_saved_though_the_first_is_slow(browser: Chromium, stack: Stack) -> None:
    def type_all(page: Page) -> None:
        held: list[Route] = []
        page.route(SAVES, lambda each: each.continue_() if held else held.append(each))
        title = page.get_by_label("Title")
        with page.expect_request(SAVES):
            title.fill(WORDS[0])
            page.clock.run_for(DELAY_MS_MAX)
        for word in WORDS[1:]:
            title.fill(word)
            page.clock.run_for(DELAY_MS_MAX)
        with page.expect_response(lambda answer: _carries(answer.request.post_data, WORDS[-1])):
            held[0].continue_()

    sheet, complaints = at_the_words(browser, stack, type_all)
    assert complaints == []
    with stack.database():
        assert Worksheet.objects.get(pk=sheet.pk).typed["title"] == WORDS[-1]


def test_what_could_not_be_saved_is_not_called_saved(browser: Chromium, stack: Stack) -> None:
    def type_twice(page: Page) -> None:
        title, saved = page.get_by_label("Title"), page.get_by_text("Saved.")
        with page.expect_response(SAVES):
            title.fill(WORDS[0])
            page.clock.run_for(DELAY_MS_MAX)
        saved.wait_for()
        page.route(SAVES, lambda each: each.abort())
        title.fill(WORDS[1])
        page.clock.run_for(DELAY_MS_MAX)
        page.locator("#toasts .toast").wait_for()
        assert not saved.is_visible()
        page.unroute(SAVES)
        title.fill(WORDS[2])
        page.clock.run_for(DELAY_MS_MAX)
        saved.wait_for()

    sheet, _ = at_the_words(browser, stack, type_twice)
    with stack.database():
        assert Worksheet.objects.get(pk=sheet.pk).typed["title"] == WORDS[2]


def test_a_draft_that_is_submitted_with_two_presses_is_sent_once(
    browser: Chromium, stack: Stack
) -> None:
    sent: list[int] = []

    def press_twice(page: Page) -> None:
        page.goto(page.url.replace("/words", "/review"))
        sent.append(page.evaluate(PRESS_TWICE))

    _, complaints = at_the_words(browser, stack, press_twice)
    assert complaints == []
    assert sent == [1]


def at_the_words(
    browser: Chromium, stack: Stack, act: Callable[[Page], None]
) -> tuple[Worksheet, list[str]]:
    """Does something at a new draft's words; gives the draft, and the console's complaints."""
    stack.sell()
    with stack.database():
        sheet = worksheets.start(Seller.objects.get(slug="tests"), {})
    with signed_in(stack) as cookie:
        cookies = SimpleCookie(cookie["Cookie"])
        said = [{"name": k, "value": it.value, "url": stack.base_url} for k, it in cookies.items()]

        def visit(page: Page, seen: Seen) -> list[str]:
            page.context.add_cookies(said)  # type: ignore[arg-type]
            page.clock.install()
            page.goto(f"{stack.base_url}/sell/drafts/{sheet.pk}/words")
            act(page)
            return seen.complaints

        return sheet, browser.visit(visit)


def _carries(form: str | None, word: str) -> bool:
    return word in (form or "")
