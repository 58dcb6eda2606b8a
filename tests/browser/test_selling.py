"""Somebody with an endpoint and a wallet signs in, walks the steps, is approved and is paid."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from sellers import listings
from sellers.models import Listing
from tests.browser.chromium import Chromium, Seen
from tests.browser.injected_wallet import InjectedWallet
from tests.fixtures.cast import Cast, person
from tests.fixtures.stack import Stack
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import buy

PATIENCE_MS = 30_000


def walk(page: Page, stack: Stack) -> None:
    """From the sign-in to the submission, as a person goes."""

    def go_on() -> None:
        page.get_by_role("button", name="Save and continue").click()

    page.goto(f"{stack.base_url}/sell/")
    page.get_by_role("button", name="Sign in with Test wallet").click()
    expect(page.get_by_role("heading", name="Sell an endpoint")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_label("Name").fill("Walker's Data")
    page.get_by_label("Address").fill("walker")
    page.get_by_role("button", name="Start selling").click()
    page.get_by_role("button", name="Put an endpoint on sale").click()
    page.get_by_label("Address of your endpoint").fill(f"{stack.upstream.url}/walked")
    page.get_by_role("button", name="Look at the endpoint").click()
    # Without a reload: the page asks until the look is over.
    expect(page.get_by_text("application/json, 14 bytes")).to_be_visible(timeout=PATIENCE_MS)
    go_on()
    expect(page.get_by_label("Example answer")).to_have_value('{"celsius":21}', timeout=PATIENCE_MS)
    go_on()
    page.get_by_label("Title").fill("City weather")
    page.get_by_label("Description").fill("The weather of a city, now.")
    # Nobody pressed a button. Before the last field is in, it says what is still to mend.
    saved = page.get_by_text("Saved.", exact=True)
    expect(saved).to_be_visible(timeout=PATIENCE_MS)
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("City weather", timeout=PATIENCE_MS)
    go_on()
    page.get_by_label("USDC on Base Sepolia").fill("0.01")
    go_on()
    page.get_by_role("button", name="Sign with Test wallet").click()
    page.get_by_label("is paid to").select_option(label=Cast.other_seller.address)
    go_on()
    go_on()
    page.get_by_role("button", name="Submit for review").click()
    expect(page.get_by_role("heading", name="City weather")).to_be_visible(timeout=PATIENCE_MS)


def test_an_endpoint_and_a_wallet_become_money(browser: Chromium, stack: Stack) -> None:
    wallet = InjectedWallet(Cast.other_seller)
    stack.upstream.on("/walked", answer(b'{"celsius":21}'))

    def do(page: Page, seen: Seen) -> tuple[list[str], list[str]]:
        wallet.into(page)
        walk(page, stack)
        return seen.stopped_by, seen.complaints

    assert browser.visit(do) == ([], [])
    with stack.database():
        listing = Listing.objects.get(seller__slug="walker")
        assert listing.proposed_revision is not None
        revision_hash = bytes(listing.proposed_revision.hash)
        listings.approve(listing.pk, revision_hash, grace_seconds=300, cooldown_seconds=86_400)
    stack.wait_on_sale("walker/city-weather")
    buyer = person("buyer of the walker")
    stack.chain.fund(buyer.address, 1)
    before = stack.chain.atomic_of(Cast.other_seller.address)

    said = buy(stack.url("walker/city-weather"), buyer)

    assert (said.status, said.json) == (200, {"celsius": 21})
    assert stack.chain.atomic_of(Cast.other_seller.address) == before + 10_000
