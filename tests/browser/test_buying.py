"""A buyer's own pages: an agent's wallet that only pays, and a time of one's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium, Seen
from tests.browser.injected_wallet import InjectedWallet
from tests.browser.test_accounts import BY_WALLET
from tests.fixtures.cast import Cast, person
from tests.fixtures.stack import Stack
from tests.fixtures.wallet import buy

PATIENCE_MS = 30_000


def test_an_agents_wallet_is_linked_to_pay_and_does_not_sign_in(
    browser: Chromium, stack: Stack
) -> None:
    holder, agent = person("an owner of agents"), person("an agent that only pays")
    wallet = InjectedWallet(holder)

    def visit(page: Page, seen: Seen) -> None:
        wallet.into(page)
        page.goto(f"{stack.base_url}/account/")
        page.get_by_role("button", name=BY_WALLET).click()
        page.wait_for_url(f"{stack.base_url}/account/")
        linking = page.get_by_role("button", name="Link to pay only: Test wallet")
        expect(linking).to_be_hidden()
        page.get_by_text("Link an agent's wallet, to pay only").click()
        wallet.person = agent
        linking.click()
        expect(page.get_by_text("The wallet is linked, to pay only.")).to_be_visible()
        expect(page.get_by_title(agent.address)).to_be_visible()
        expect(page.get_by_role("button", name=f"Let {agent.address} sign in")).to_be_visible()
        expect(page.get_by_text("your only way in")).to_be_visible()

        page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("button", name=BY_WALLET).click()
        expect(page.get_by_text("linked to an account to pay only")).to_be_visible()
        assert seen.stopped_by == []

    browser.visit(visit)


def test_a_payment_page_leads_to_signing_in_and_back_to_the_dispute(
    browser: Chromium, stack: Stack, cast: type[Cast]
) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    there = f"/p/{buy(sold.url, cast.buyer).settlement['extensions']['souk']['payment']}"

    def visit(page: Page, seen: Seen) -> None:
        InjectedWallet(cast.buyer).into(page)
        page.goto(stack.base_url + there)
        page.get_by_role("link", name="Sign in with the wallet that paid").click()
        page.get_by_role("button", name=BY_WALLET).click()
        page.wait_for_url(stack.base_url + there)
        expect(page.get_by_text("Did you pay this?")).to_have_count(0)
        page.get_by_role("link", name="Open a dispute").click()
        expect(page.get_by_role("heading", name="Open a dispute")).to_be_visible()
        assert (seen.stopped_by, seen.complaints) == ([], [])

    browser.visit(visit)


def test_days_of_ones_own_are_asked_for_where_they_are_chosen(
    browser: Chromium, stack: Stack, cast: type[Cast]
) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    payment = buy(sold.url, cast.buyer).settlement["extensions"]["souk"]["payment"]
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)

    def visit(page: Page, seen: Seen) -> None:
        InjectedWallet(cast.buyer).into(page)
        page.goto(f"{stack.base_url}/account/sign-in?next=/buy/")
        page.get_by_role("button", name=BY_WALLET).click()
        page.wait_for_url(f"{stack.base_url}/buy/")
        row, first = page.locator(f'a[href="/p/{payment}"]'), page.get_by_label("From", exact=True)
        expect(row).to_be_visible(timeout=PATIENCE_MS)
        expect(first).to_be_hidden()
        page.get_by_label("Time").select_option("custom")
        expect(first).to_be_visible()
        page.wait_for_url("**/buy/?*period=custom*")
        expect(row).to_be_visible()
        first.fill(tomorrow.isoformat())
        first.dispatch_event("change")
        expect(page.get_by_text("No payment fits")).to_be_visible(timeout=PATIENCE_MS)
        page.reload()
        expect(first).to_have_value(tomorrow.isoformat())
        page.get_by_label("Time").select_option("all")
        expect(first).to_be_hidden()
        expect(row).to_be_visible(timeout=PATIENCE_MS)
        assert (seen.stopped_by, seen.complaints) == ([], [])

    browser.visit(visit)
