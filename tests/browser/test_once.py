"""What a form writes is written once, however quickly one presses, and can be tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from payments.models import Dispute
from tests.browser.chromium import Chromium, Seen
from tests.browser.gate import BROKEN_OFF, FAILED, Form, Gate, open_gate
from tests.fixtures.browsers import fresh
from tests.fixtures.buying import owner
from tests.fixtures.cast import person
from tests.fixtures.stack import Stack
from tests.fixtures.wallet import buy

T = TypeVar("T")
PAYER, LEAVER = "payer who presses twice", "leaver who presses twice"
PATIENCE_SECONDS = 30
# Of the account's page, whose first form is refused when there is nothing but a space in it.
SAVE, LEAVE, NAMED = "Save", "Sign out everywhere", "once.only"
ONCE = (0, 1, 1)  # twice at once, and once more when it is on its way
EACH_TIME = (1, 2)

TALL_PX = 4_000  # two buttons at once are in view

Enter = Callable[..., None]
Spot: TypeAlias = tuple[float, float]
Visit: TypeAlias = Callable[[Callable[[Page, Gate], T]], T]


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

    def sign_in(page: Page, name: str = PAYER) -> None:
        page.context.add_cookies(cookies_of(name))

    for name in (PAYER, LEAVER):
        cookies_of(name)
    return sign_in


@pytest.fixture
def visit(browser: Chromium) -> Iterator[Visit[Any]]:
    """A browser that reaches the site through a gate, in which its forms wait."""
    with open_gate() as (gate, address):

        def do(then: Callable[[Page, Gate], T]) -> T:
            def look(page: Page, seen: Seen) -> T:
                return then(page, gate)

            return browser.visit(look, by_way_of=address)

        yield do


def spot(page: Page, name: str) -> Spot:
    """Where a button is: a page that is on its way to another answers no questions."""
    button = page.get_by_role("button", name=name, exact=True)
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def press(page: Page, gate: Gate, there: Spot, after: Sequence[int] = ONCE) -> Form:
    """Press it as often as numbers are given: after each, so many forms have left the page."""
    before = len(gate.forms)
    for count in after:
        page.mouse.click(*there)
        gate.wait_for(before + count, PATIENCE_SECONDS)
    return gate.forms[-1]


def name_it(page: Page, name: str = NAMED) -> None:
    page.get_by_role("textbox", name="Name").fill(name)


@pytest.mark.parametrize(("is_guarded", "after"), [(True, ONCE), (False, EACH_TIME)])
def test_two_presses_are_sent_once(
    visit: Visit[Any], stack: Stack, enter: Enter, is_guarded: bool, after: Sequence[int]
) -> None:
    payer = person(PAYER)
    stack.chain.fund(payer.address, 1)
    payment = buy(stack.sell().url, payer).headers["x-souk-payment"]

    def dispute(page: Page, gate: Gate) -> int:
        enter(page)
        page.goto(f"{stack.base_url}/buy/disputes/new/{payment}")
        page.get_by_label("What is wrong").select_option(index=1)
        page.get_by_label("What happened").fill("Nothing came.")
        if not is_guarded:
            page.locator("main form").evaluate("form => { form.dataset.file = '' }")
        press(page, gate, spot(page, "Open the dispute"), after).let_through()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Dispute about")
        return len(gate.forms)

    assert visit(dispute) == after[-1]
    with stack.database():
        assert Dispute.objects.filter(payment_id=payment).count() == 1


def show_something_else(page: Page, form: Form, *, said: bytes) -> None:
    """What is no page of ours, and the person goes back from it."""
    with page.expect_event("framenavigated"):
        form.answer(said)
    page.wait_for_load_state()
    page.evaluate("() => { history.back() }")
    page.wait_for_url("**/account/")


def refuse(page: Page, form: Form) -> None:
    """In words, on the same page."""
    with page.expect_event("framenavigated"):
        form.let_through()
    expect(page.locator("[aria-invalid=true]")).to_be_visible()


def stop(page: Page, form: Form) -> None:
    """As somebody does with the browser's own button."""
    page.context.new_cdp_session(page).send("Page.stopLoading")


FAULTS: dict[str, tuple[str, Callable[[Page, Form], None]]] = {
    "the network was gone": (NAMED, partial(show_something_else, said=BROKEN_OFF)),
    "the site failed": (NAMED, partial(show_something_else, said=FAILED)),
    "the site refused it": (" ", refuse),
    "somebody stopped it": (NAMED, stop),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_came_to_nothing_can_be_sent_again(
    visit: Visit[Any], stack: Stack, enter: Enter, what: str
) -> None:
    name, happen = FAULTS[what]

    def save(page: Page, gate: Gate) -> int:
        enter(page)
        page.goto(f"{stack.base_url}/account/")
        name_it(page, name)
        happen(page, press(page, gate, spot(page, SAVE)))
        name_it(page)
        press(page, gate, spot(page, SAVE)).let_through()
        expect(page.get_by_role("textbox", name="Name")).to_have_value(NAMED)
        return len(gate.forms)

    assert visit(save) == 2


def test_a_press_elsewhere_leaves_what_is_on_its_way(
    visit: Visit[Any], stack: Stack, enter: Enter
) -> None:
    """The second form ends the sending of the first, whose answer nobody sees; it goes once too."""

    def leave_too(page: Page, gate: Gate) -> list[str]:
        enter(page, LEAVER)
        page.goto(f"{stack.base_url}/account/")
        page.set_viewport_size({"width": 1280, "height": TALL_PX})
        name_it(page)
        save, leave = spot(page, SAVE), spot(page, LEAVE)
        press(page, gate, save)
        press(page, gate, leave).let_through()
        page.wait_for_url(lambda url: not url.endswith("/account/"))
        return [form.path for form in gate.forms]

    assert visit(leave_too) == ["/account/details", "/account/sessions/end-all"]


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
