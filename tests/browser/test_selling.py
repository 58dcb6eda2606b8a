"""Somebody with an endpoint and a wallet signs in, walks the steps, is approved, sees a sale."""

from __future__ import annotations

from urllib.parse import unquote

from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Page, expect

from marketplace.accounts import second_factor
from marketplace.accounts.models import SecondFactor
from sellers.moderators import MODERATORS
from tests.browser.chromium import Chromium, Seen
from tests.browser.injected_wallet import InjectedWallet
from tests.end_to_end.test_official_clients import requests_client
from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.stack import Stack
from tests.fixtures.upstream import answer

PATIENCE_MS = 30_000
PHONE_PX, PHONE_HEIGHT_PX = 390, 844
PASSWORD = "eleven blue kettles"
ELSEWHERE = 10  # a chain that the market does not settle
AWAKE = "[data-keys-switch][data-awake]"


def walk(page: Page, stack: Stack, wallet: InjectedWallet) -> None:
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
    expect(page.get_by_role("heading", name="Words")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_load_state()  # what is typed before the script is there, the button saves
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
    wallet.chain_id = ELSEWHERE  # a contract is asked where it stands
    with page.expect_request("**/sell/payouts/ask") as asked:
        page.get_by_role("button", name="Sign with Test wallet").click()
    assert f"eip155:{ELSEWHERE}" in unquote(asked.value.post_data or "")
    page.get_by_label("is paid to").select_option(label=Cast.other_seller.address)
    go_on()
    go_on()
    page.get_by_role("button", name="Open a test address").click()
    expect(page.get_by_text("Nobody has paid yet")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Go on to the checklist").click()
    page.get_by_role("button", name="Submit for review").click()
    expect(page.get_by_role("heading", name="City weather")).to_be_visible(timeout=PATIENCE_MS)


def moderator(stack: Stack) -> str:
    """Somebody who judges, with a password and a second factor; returns a code of theirs."""
    with stack.database():
        user = User.objects.create_user("judge", password=PASSWORD)
        user.groups.add(Group.objects.get(name=MODERATORS))
        SecondFactor.objects.create(user=user, sealed=b"lost", last_step=0, since=timezone.now())
        return second_factor.new_codes(user)[0]


def reach_the_verdict(page: Page) -> None:
    """On a phone all the evidence stands before it, and one touch or key leads past."""
    way = page.get_by_role("link", name="To the verdict")
    verdict = page.get_by_role("heading", name="Verdict")
    expect(way).to_be_hidden()
    wide = page.viewport_size
    assert wide is not None
    page.set_viewport_size({"width": PHONE_PX, "height": PHONE_HEIGHT_PX})
    for go in (way.click, lambda: way.press("Enter"), lambda: page.keyboard.press("v")):
        page.evaluate("scrollTo(0, 0)")
        expect(way).to_be_in_viewport(ratio=1)
        expect(verdict).not_to_be_in_viewport()
        go()
        expect(verdict).to_be_in_viewport(ratio=1)
        expect(verdict).to_be_focused()
        expect(way).not_to_be_in_viewport()
    page.set_viewport_size(wide)


def judge(page: Page, stack: Stack, code: str) -> None:
    """From the sign-in to the verdict, as a moderator goes."""
    page.goto(f"{stack.base_url}/moderation/")
    page.get_by_role("textbox", name="Name").fill("judge")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("textbox", name="Code").fill(code)
    page.get_by_role("button", name="Go on").click()
    row = page.get_by_role("row").filter(has_text="walker/city-weather")
    row.get_by_role("link", name="City weather").click(timeout=PATIENCE_MS)
    # By keyboard; a page that has only just opened takes no key.
    expect(page.get_by_role("button", name="Take it")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(AWAKE)).to_be_attached()
    reach_the_verdict(page)
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Approve exactly this")).to_be_visible()
    expect(page.locator(AWAKE)).to_be_attached()
    page.keyboard.press("a")
    said = page.get_by_role("status")
    expect(said.get_by_text("walker/city-weather will be approved.")).to_be_visible()
    # Without a reload: the line says what came of it.
    expect(said.get_by_text("walker/city-weather is approved.")).to_be_visible(timeout=PATIENCE_MS)
    page.goto(f"{stack.base_url}/moderation/")
    expect(page.get_by_role("heading", name="Waiting for review")).to_be_visible()
    expect(row).to_have_count(0)


def watch(page: Page, stack: Stack, buyer: Person) -> None:
    """The earnings page is open while a client that nobody here wrote buys."""
    page.goto(f"{stack.base_url}/sell/earnings/")
    page.get_by_role("button", name="Sign in with Test wallet").click()
    expect(page.get_by_role("heading", name="Earnings")).to_be_visible(timeout=PATIENCE_MS)
    sales = page.locator("[id^='sale-']")
    expect(sales).to_have_count(0)
    page.evaluate("window.neverReloaded = true")

    said = requests_client(buyer, stack.url("walker/city-weather"), "GET", None)

    assert (said.status, said.body) == (200, '{"celsius":21}')
    expect(sales).to_have_count(1, timeout=PATIENCE_MS)
    row = page.get_by_role("row").filter(has=sales)
    expect(row.get_by_text("City weather", exact=True)).to_be_visible()
    expect(row.get_by_text("final")).to_be_visible(timeout=PATIENCE_MS)
    assert page.evaluate("window.neverReloaded")


def test_an_endpoint_and_a_wallet_become_money(browser: Chromium, stack: Stack) -> None:
    wallet = InjectedWallet(Cast.other_seller)
    stack.upstream.on("/walked", answer(b'{"celsius":21}'))

    def do(page: Page, seen: Seen) -> tuple[list[str], list[str]]:
        wallet.into(page)
        walk(page, stack, wallet)
        return seen.stopped_by, seen.complaints

    assert browser.visit(do) == ([], [])
    code = moderator(stack)

    def look(page: Page, seen: Seen) -> tuple[list[str], list[str]]:
        judge(page, stack, code)
        return seen.stopped_by, seen.complaints

    assert browser.visit(look) == ([], [])
    stack.wait_on_sale("walker/city-weather")
    buyer = person("buyer of the walker")
    stack.chain.fund(buyer.address, 1)
    before = stack.chain.atomic_of(Cast.other_seller.address)

    def see(page: Page, seen: Seen) -> tuple[list[str], list[str]]:
        wallet.into(page)
        watch(page, stack, buyer)
        return seen.stopped_by, seen.complaints

    assert browser.visit(see) == ([], [])
    assert stack.chain.atomic_of(Cast.other_seller.address) == before + 10_000
