"""What a form writes is written once, however quickly one presses, and can be tried again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Page, Route, expect

from payments.models import Dispute
from tests.browser.chromium import Chromium, Seen
from tests.fixtures.browsers import fresh
from tests.fixtures.buying import owner
from tests.fixtures.cast import person
from tests.fixtures.stack import Stack
from tests.fixtures.wallet import buy

PAYER = "payer who presses twice"
# The form on the account's page that is refused when no name is in it.
PATIENCE_MS, LOOK_MS = 30_000, 20
SAVE, NAMED = "Save", "once.only"
ONCE = (0, 1, 1)  # twice at once, and once more when it is on its way
EACH_TIME = (1, 2)

Fault = Callable[[Page, list[Route]], None]
Enter = Callable[..., None]


def back_from(answer: Callable[[Route], None]) -> Fault:
    """The browser shows something else than a page of ours, and the person goes back."""

    def happen(page: Page, held: list[Route]) -> None:
        with page.expect_event("framenavigated"):
            answer(held[-1])
        page.wait_for_load_state()
        page.evaluate("() => { history.back() }")
        page.wait_for_url("**/account/")

    return happen


def refused(page: Page, held: list[Route]) -> None:
    """In words, on the same page: with nothing in the field that must not be empty."""
    with page.expect_event("framenavigated"):
        held[-1].continue_(post_data=(held[-1].request.post_data or "").replace(NAMED, "%20"))
    page.wait_for_load_state()


FAULTS: dict[str, Fault] = {
    "the network was gone": back_from(lambda route: route.abort()),
    "the site failed": back_from(
        lambda route: route.fulfill(status=500, content_type="text/html", body="<h1>fault</h1>")
    ),
    "the site refused it": refused,
}


@pytest.fixture(scope="module")
def enter(_shared_stack: Stack) -> Enter:
    """Sign somebody in, with the wallet of that person's."""

    @cache
    def cookies_of(name: str) -> list[Any]:
        stack = _shared_stack
        with stack.database(), override_settings(SECRET_KEY=stack.environment["SECRET_KEY"]):
            client = fresh(owner(name, person(name).address).user)
        return [
            {"name": key, "value": each.value, "url": stack.base_url}
            for key, each in client.cookies.items()
        ]

    def sign_in(page: Page) -> None:
        page.context.add_cookies(cookies_of(PAYER))

    cookies_of(PAYER)
    return sign_in


def hold_what_is_sent(page: Page) -> list[Route]:
    """Every form that leaves the page; each waits here."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.route("**/*", keep)
    return held


def press(page: Page, held: list[Route], name: str, after: Sequence[int] = ONCE) -> None:
    """Press it as often as numbers are given: after each, so many forms have left the page.

    By the mouse, since a page that is on its way to another answers no questions.
    """
    button = page.get_by_role("button", name=name)
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    before = len(held)
    for count in after:
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        until(page, held, before + count)


def until(page: Page, held: list[Route], count: int) -> None:
    for _ in range(PATIENCE_MS // LOOK_MS):
        if len(held) >= count:
            return
        page.wait_for_timeout(LOOK_MS)  # in which the browser says what it does
    raise AssertionError(f"{len(held)} of {count} forms were sent")


def at_the_account(page: Page, base_url: str) -> list[Route]:
    page.goto(f"{base_url}/account/")
    held = hold_what_is_sent(page)
    page.get_by_role("textbox", name="Name").fill(NAMED)
    return held


@pytest.mark.parametrize(("is_guarded", "after"), [(True, ONCE), (False, EACH_TIME)])
def test_two_presses_are_sent_once(
    browser: Chromium, stack: Stack, enter: Enter, is_guarded: bool, after: Sequence[int]
) -> None:
    payer = person(PAYER)
    stack.chain.fund(payer.address, 1)
    payment = buy(stack.sell().url, payer).headers["x-souk-payment"]

    def visit(page: Page, seen: Seen) -> int:
        enter(page)
        page.goto(f"{stack.base_url}/buy/disputes/new/{payment}")
        page.get_by_label("What is wrong").select_option(index=1)
        page.get_by_label("What happened").fill("Nothing came.")
        if not is_guarded:
            page.locator("main form").evaluate("form => { form.dataset.file = '' }")
        held = hold_what_is_sent(page)
        press(page, held, "Open the dispute", after)
        held[-1].continue_()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Dispute about")
        return len(held)

    assert browser.visit(visit) == after[-1]
    with stack.database():
        assert Dispute.objects.filter(payment_id=payment).count() == 1


@pytest.mark.parametrize("what", FAULTS)
def test_what_came_to_nothing_can_be_sent_again(
    browser: Chromium, stack: Stack, enter: Enter, what: str
) -> None:
    def visit(page: Page, seen: Seen) -> int:
        enter(page)
        held = at_the_account(page, stack.base_url)
        press(page, held, SAVE)
        FAULTS[what](page, held)
        page.get_by_role("textbox", name="Name").fill(NAMED)
        press(page, held, SAVE)
        held[-1].continue_()
        expect(page.get_by_role("textbox", name="Name")).to_have_value(NAMED)
        return len(held)

    assert browser.visit(visit) == 2


def test_a_file_is_asked_for_as_often_as_one_likes(
    browser: Chromium, stack: Stack, enter: Enter
) -> None:
    def visit(page: Page, seen: Seen) -> list[str]:
        enter(page)
        page.goto(f"{stack.base_url}/account/data")
        names = []
        for _ in range(2):
            with page.expect_download() as begun:
                page.get_by_role("button", name="Download the archive").click()
            names.append(begun.value.suggested_filename)
        return names

    first, second = browser.visit(visit)
    assert first.endswith(".zip")
    assert second.endswith(".zip")
