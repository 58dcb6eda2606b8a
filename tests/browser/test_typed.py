"""What was typed is there again when its form could not be taken, and for nobody else."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium, Seen
from tests.browser.injected_wallet import InjectedWallet
from tests.browser.test_accounts import BY_WALLET
from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.stack import Stack
from tests.fixtures.wallet import buy

STORY = "It rained, and the answer said <b>sun</b>.\nTwice."
CASE = re.compile(r"/buy/disputes/[0-9a-f-]{36}$")
BACK = "What you typed here was not sent."
SAFE = "What you typed is kept in this tab"


def bought(stack: Stack, cast: type[Cast]) -> str:
    """The page on which a payment of the buyer's is disputed."""
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    payment = buy(sold.url, cast.buyer).settlement["extensions"]["souk"]["payment"]
    return f"{stack.base_url}/buy/disputes/new/{payment}"


def sign_in(page: Page, back: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=BY_WALLET).click()
    page.wait_for_url(back)


def end_session(page: Page) -> None:
    """As when a fortnight went by: the browser's cookie is good for nothing any more."""
    page.context.clear_cookies(name="sessionid")


def send(page: Page) -> None:
    """By the keyboard alone, from the field on."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def write(page: Page) -> None:
    page.get_by_label("What is wrong").select_option("service_defective")
    page.get_by_label("How much").fill("0.001")
    page.get_by_label("What happened").fill(STORY)


def stands_there_again(page: Page) -> None:
    expect(page.get_by_text(BACK)).to_be_visible()
    expect(page.get_by_label("What happened")).to_have_value(STORY)
    expect(page.get_by_label("How much")).to_have_value("0.001")
    expect(page.get_by_label("What is wrong")).to_have_value("service_defective")
    expect(page.get_by_label("What is wrong")).to_be_focused()


def test_a_dispute_that_met_an_ended_session_is_sent_after_signing_in(
    browser: Chromium, stack: Stack, cast: type[Cast]
) -> None:
    form = bought(stack, cast)

    def visit(page: Page, seen: Seen) -> None:
        InjectedWallet(cast.buyer).into(page)
        page.goto(form)
        sign_in(page, form)
        expect(page.get_by_text(BACK)).to_have_count(0)
        write(page)
        end_session(page)
        send(page)
        expect(page.get_by_text(SAFE)).to_be_visible()
        sign_in(page, form)
        stands_there_again(page)
        page.get_by_label("What happened").focus()
        send(page)
        page.wait_for_url(CASE)
        expect(page.get_by_text("the answer said <b>sun</b>")).to_be_visible()

        further = page.get_by_label("Add something")
        further.fill("And a third time.")
        end_session(page)
        send(page)
        sign_in(page, CASE)
        expect(further).to_have_value("And a third time.")
        further.focus()
        send(page)
        expect(page.get_by_text("And a third time.")).to_be_visible()
        expect(further).to_have_value("")
        page.reload()
        expect(further).to_have_value("")
        assert seen.stopped_by == []

    browser.visit(visit)


def test_a_page_that_was_too_old_to_be_taken_leads_back_to_what_was_typed(
    browser: Chromium, stack: Stack, cast: type[Cast]
) -> None:
    form = bought(stack, cast)

    def visit(page: Page, seen: Seen) -> None:
        InjectedWallet(cast.buyer).into(page)
        page.goto(form)
        sign_in(page, form)
        write(page)
        page.context.clear_cookies(name="csrftoken")
        send(page)
        expect(page.get_by_role("heading", name="Please try that again")).to_be_visible()
        expect(page.get_by_text(SAFE)).to_be_visible()
        page.get_by_role("link", name="Back to the form").press("Enter")
        stands_there_again(page)
        assert seen.stopped_by == []

    browser.visit(visit)


def test_what_was_left_unsent_is_not_put_back_nor_before_another(
    browser: Chromium, stack: Stack
) -> None:
    first, other = person("who typed a name"), person("who came after")
    wallet = InjectedWallet(first)
    opening = f"{stack.base_url}/sell/"

    def come(page: Page, who: Person) -> None:
        wallet.person = who
        page.goto(f"{stack.base_url}/account/sign-in?next=/sell/")
        sign_in(page, opening)

    def visit(page: Page, seen: Seen) -> None:
        wallet.into(page)
        come(page, first)
        name = page.get_by_label("Name", exact=True)
        name.fill("Left for later")
        page.goto(f"{stack.base_url}/market")
        page.goto(opening)
        expect(name).to_have_value("")

        name.fill("Atlas")
        page.get_by_label("Address").fill("atlas")
        end_session(page)
        name.press("Enter")
        expect(page.get_by_text(SAFE)).to_be_visible()
        wallet.person = other
        sign_in(page, opening)
        expect(name).to_have_value("")
        assert page.evaluate("sessionStorage.length") == 0
        assert seen.stopped_by == []

    browser.visit(visit)


def test_what_could_not_be_saved_as_it_was_typed_is_saved_after_signing_in(
    browser: Chromium, stack: Stack
) -> None:
    seller = person("who writes a draft")

    def visit(page: Page, seen: Seen) -> None:
        InjectedWallet(seller).into(page)
        page.goto(f"{stack.base_url}/account/sign-in?next=/sell/")
        sign_in(page, f"{stack.base_url}/sell/")
        page.get_by_label("Name", exact=True).fill("Writers")
        page.get_by_label("Address").fill("writers")
        page.get_by_role("button", name="Start selling").click()
        page.get_by_role("button", name="Put an endpoint on sale").click()
        page.wait_for_url("**/endpoint")
        words = page.url.replace("/endpoint", "/words")
        page.goto(words)
        end_session(page)
        page.get_by_label("Title").fill("City weather")
        expect(page.get_by_text(SAFE)).to_be_visible()
        with page.expect_response("**/autosave") as saving:
            sign_in(page, words)
            expect(page.get_by_label("Title")).to_have_value("City weather")
        assert saving.value.status == 200
        assert seen.stopped_by == []

    browser.visit(visit)
