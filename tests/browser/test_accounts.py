"""Somebody makes an account with a wallet, leaves, and comes back with a password."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from marketplace.embedded.demo_accounts import demo_account
from tests.browser.chromium import Chromium, Seen
from tests.browser.injected_wallet import InjectedWallet
from tests.fixtures.cast import Person, person
from tests.fixtures.stack import Stack
from tests.marketplace.accounts.visitor import sign

NAME, PASSWORD = "grace.hopper", "eleven blue kettles"
BY_WALLET = "Sign in with Test wallet"


@pytest.fixture
def newcomer() -> Person:
    return person("a newcomer of the browser's tests")


def test_by_wallet_in_out_and_in_again_by_password(
    browser: Chromium, stack: Stack, newcomer: Person
) -> None:
    # A wallet of the browser is often on a chain that is not sold on here.
    wallet = InjectedWallet(newcomer, chain_id=1, refuses={"personal_sign"})
    other = demo_account("test somebody else's account in the same wallet")

    def visit(page: Page, seen: Seen) -> None:
        wallet.into(page)
        page.goto(f"{stack.base_url}/account/")
        page.get_by_role("button", name=BY_WALLET).click()
        expect(page.get_by_text("Cancelled in the wallet. Nothing was signed.")).to_be_visible()
        expect(page.get_by_role("button", name=BY_WALLET)).to_be_focused()

        wallet.refuses.clear()
        _change_account_while_asked(wallet, Person("other", other.address, other.private_key))
        page.get_by_role("button", name=BY_WALLET).click()
        expect(page.get_by_text("The account is not the one this wallet shows")).to_be_visible()

        wallet.person = newcomer
        page.get_by_role("button", name=BY_WALLET).click()
        page.wait_for_url(f"{stack.base_url}/account/")
        expect(page.get_by_title(newcomer.address)).to_be_visible()
        expect(page.get_by_text("your only way in")).to_be_visible()

        page.get_by_role("textbox", name="Name").fill(NAME)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="Set a password").click()
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Save the password").click()
        expect(page.get_by_text("The password is set.")).to_be_visible()

        page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
        page.goto(f"{stack.base_url}/account/")
        page.get_by_role("textbox", name="Name").fill(NAME)
        page.get_by_label("Password", exact=True).fill("wrong")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_text("The name or the password is not right.")).to_be_visible()
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_title(newcomer.address)).to_be_visible()
        assert (seen.stopped_by, seen.complaints) == ([], [])

    browser.visit(visit)


def test_wallets_that_are_elsewhere_sign_in_and_are_linked_without_a_script(
    browser: Chromium, stack: Stack
) -> None:
    owner, agent = person("an owner with a hardware wallet"), person("an agent on a server")

    def visit(page: Page, seen: Seen) -> None:
        _enter_and_link_by_hand(page, stack, owner, agent)
        expect(page.get_by_role("button", name=f"Unlink {agent.address}")).to_be_hidden()
        asking = page.locator("noscript details", has=page.locator("button"))
        asking.locator("summary").click()
        expect(asking.locator("p")).to_be_visible()
        asking.locator("button").click()
        expect(page.get_by_text("The wallet is unlinked.")).to_be_visible()
        expect(page.get_by_title(agent.address)).to_have_count(0)
        assert (seen.stopped_by, seen.complaints) == ([], [])

    browser.visit(visit, script=False)


def test_a_wallet_is_unlinked_by_keyboard_after_it_was_asked_about(
    browser: Chromium, stack: Stack
) -> None:
    owner, agent = person("an owner at a keyboard"), person("an agent to let go of")

    def visit(page: Page, seen: Seen) -> None:
        _enter_and_link_by_hand(page, stack, owner, agent)
        opener = page.get_by_role("button", name=f"Unlink {agent.address}")
        asking = page.get_by_role("dialog", name="Unlink this wallet?")
        opener.press("Enter")
        expect(asking).to_be_visible()
        expect(asking.get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(asking).to_be_hidden()
        expect(opener).to_be_focused()
        expect(page.get_by_title(agent.address)).to_be_visible()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("The wallet is unlinked.")).to_be_visible()
        expect(page.get_by_title(agent.address)).to_have_count(0)
        assert (seen.stopped_by, seen.complaints) == ([], [])

    browser.visit(visit)


def _enter_and_link_by_hand(page: Page, stack: Stack, owner: Person, agent: Person) -> None:
    page.goto(f"{stack.base_url}/account/sign-in?next=/account/")
    page.get_by_role("link", name="By hand: for a hardware wallet").click()
    _sign_by_hand(page, owner, "Sign in")
    page.wait_for_url(f"{stack.base_url}/account/")
    page.get_by_text("Link an agent's wallet, to pay only").click()
    page.get_by_role("link", name="By hand: for an agent without a browser").click()
    _sign_by_hand(page, agent, "Link the wallet")
    expect(page.get_by_text("The wallet is linked, to pay only.")).to_be_visible()
    expect(page.get_by_title(agent.address)).to_be_visible()


def _sign_by_hand(page: Page, who: Person, word: str) -> None:
    page.get_by_label("Wallet's address").fill(who.address)
    page.get_by_role("button", name="Write the text to sign").click()
    text = page.get_by_label("Sign exactly this text").input_value()
    page.get_by_label("Signature").fill(sign(text, who))
    page.get_by_role("button", name=word, exact=True).click()


def _change_account_while_asked(wallet: InjectedWallet, other: Person) -> None:
    """The person picks another account in the wallet after the site has seen the first one."""
    answer = wallet._answer

    def change(method: str, params: list[object]) -> object:
        if method == "personal_sign":
            wallet.person = other
            wallet._answer = answer  # type: ignore[method-assign]
        return answer(method, params)

    wallet._answer = change  # type: ignore[method-assign]
