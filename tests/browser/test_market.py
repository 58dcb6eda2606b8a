"""A visitor without a wallet finds a service, tries it and gets an answer: by keyboard alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from payments.limits.setting import Wishes, set_limits
from payments.wallets.payers import Payer
from tests.browser.chromium import Chromium, Seen
from tests.browser.injected_wallet import InjectedWallet
from tests.fixtures.cast import Cast, person
from tests.fixtures.ports import free_port
from tests.fixtures.stack import Sold, Stack, answers
from tests.fixtures.upstream import Call, Wire, answer

ANSWER_MS = 30_000
FOCUSED = """e => (e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent)
  .trim()"""
PRICE, DEMO = "Get the price", "Use the demo wallet"


@pytest.fixture(scope="module")
def site(_shared_stack: Stack) -> Iterator[str]:
    """The site at another origin than the door where its calls are sold."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    elsewhere = {"PUBLIC_BASE_URL": base, "CALL_BASE_URL": _shared_stack.base_url}
    web = _shared_stack.start_web_as(port, **elsewhere)
    try:
        _shared_stack.wait_until(lambda: answers(port), f"the site on {port}")
        yield base
    finally:
        with contextlib.suppress(ProcessLookupError):
            _shared_stack.kill(web)


def lookup(stack: Stack, title: str, dollars: str = "0.02", status: int = 200) -> Sold:
    """A listing that says back what it was asked."""

    async def echo(call: Call, wire: Wire) -> bool:
        said = json.dumps({"city": dict(call.query).get("city", "")}).encode()
        return await answer(said, status=status)(call, wire)

    city = {"type": "string", "description": "A city"}
    query = {"type": "object", "properties": {"city": city}, "required": ["city"]}
    return stack.sell(
        title=title,
        dollars=dollars,
        behaviour=echo,
        input_schema={"type": "object", "properties": {"query": query}, "required": ["query"]},
        example={"query": {"city": "Oslo"}},
    )


def press_until(page: Page, name: str) -> None:
    """Walk on with Tab until the focus is on what is called so."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if str(page.locator(":focus").evaluate(FOCUSED)).startswith(name):
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def unexplained(seen: Seen) -> list[str]:
    """What the console complained about; a 402 is what was asked for."""
    return [said for said in seen.complaints if "status of 402" not in said]


def test_from_the_front_page_to_an_answer_without_a_wallet_or_a_mouse(
    browser: Chromium, stack: Stack, site: str
) -> None:
    sold = lookup(stack, "Zanzibar tables")

    def visit(page: Page, seen: Seen) -> tuple[str, str]:
        page.goto(f"{site}/")
        press_until(page, "Search the market")
        page.keyboard.type("zanzibar")
        page.keyboard.press("Enter")
        page.wait_for_url("**/market?q=zanzibar")
        press_until(page, "Zanzibar tables")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/l/{sold.path}")
        press_until(page, "city")
        page.keyboard.press("Control+A")
        page.keyboard.type("São Paulo")
        expect(page.locator("#pay-url")).to_have_text(f"{sold.url}?city=S%C3%A3o+Paulo")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=DEMO)).to_be_focused()
        words = page.locator("#pay-terms").inner_text()
        page.keyboard.press("Enter")
        expect(page.locator("#pay-status")).to_contain_text("Paid 0.02 USDC", timeout=ANSWER_MS)
        expect(page.locator("#pay-steps [aria-current]")).to_have_text("Answer")
        given = page.locator("#pay-answer pre").first.inner_text()
        press_until(page, "See the payment and its receipt")
        page.keyboard.press("Enter")
        page.wait_for_url("**/p/*")
        expect(page.get_by_text("0.02 USDC").first).to_be_visible()
        assert (seen.stopped_by, unexplained(seen)) == ([], [])
        assert seen.requested_beyond(site) == [
            url for url in seen.requested if url.startswith(f"{sold.url}?")
        ]
        return words, given

    words, given = browser.visit(visit)

    for said in ("$0.02", "0.02 USDC", Cast.seller.address, "you cannot lose more", "test network"):
        assert said in words
    assert json.loads(given) == {"city": "São Paulo"}
    assert [call.query for call in sold.calls] == [[("city", "São Paulo")]]


def test_what_fails_is_not_charged_and_what_costs_much_is_asked_again(
    browser: Chromium, stack: Stack
) -> None:
    dear = lookup(stack, "Dear tables", dollars="0.6", status=500)

    def visit(page: Page, seen: Seen) -> None:
        page.goto(f"{stack.base_url}/l/{dear.path}")
        page.get_by_label("city").fill("Bergen")
        page.get_by_role("button", name=PRICE).click()
        page.get_by_role("button", name=DEMO).click()
        expect(page.locator("#pay-terms")).to_contain_text("more than $0.10")
        page.get_by_role("button", name="Yes, pay 0.6 USDC").click()
        status = page.locator("#pay-status")
        expect(status).to_contain_text("Nothing was charged", timeout=ANSWER_MS)
        expect(page.locator("#pay-spent")).to_have_text(
            "Spent in this tab: $0.00 of $1.00 at most."
        )
        assert page.get_by_label("city").input_value() == "Bergen"

        dear.answers(answer(b'{"city":"Bergen"}'))
        for place, yes in enumerate(("Yes, pay 0.6 USDC", "Let it spend up to $2.00, and pay"), 1):
            page.get_by_role("button", name=PRICE).click()
            page.get_by_role("button", name=DEMO).click()
            page.get_by_role("button", name=yes).click()
            spent = f"Spent in this tab: ${0.6 * place:.2f}"
            expect(page.locator("#pay-spent")).to_contain_text(spent, timeout=ANSWER_MS)
            expect(status).to_contain_text("Paid 0.6 USDC", timeout=ANSWER_MS)
        assert seen.stopped_by == []

    browser.visit(visit)


def test_a_wallets_no_leads_back_and_keeps_what_was_typed(browser: Chromium, stack: Stack) -> None:
    sold, wallet = lookup(stack, "Tables"), InjectedWallet(Cast.buyer)
    wallet.refuses = {"eth_signTypedData_v4"}

    def visit(page: Page, _: Seen) -> None:
        wallet.into(page)
        page.goto(f"{stack.base_url}/l/{sold.path}")
        page.get_by_label("city").fill("Bergen")
        page.get_by_role("button", name=PRICE).click()
        page.get_by_role("button", name="Pay with Test wallet").click()
        expect(page.locator("#pay-status")).to_have_text(
            "Cancelled in the wallet. Nothing was signed."
        )
        expect(page.locator("#pay-steps [aria-current]")).to_have_text("Read what you sign")
        assert page.get_by_label("city").input_value() == "Bergen"
        expect(page.locator("#pay-spent")).to_contain_text("$0.00 of")

    browser.visit(visit)
    assert sold.calls == []


def test_what_the_wallets_owner_forbids_is_not_paid_and_not_asked_again(
    browser: Chromium, stack: Stack
) -> None:
    sold, wallet = lookup(stack, "Guarded tables"), InjectedWallet(person("guarded"))
    stack.chain.fund(wallet.person.address, 1)
    status, again = "#pay-status", "Ask again"

    def allow(*blocked: str) -> None:
        with stack.database():
            set_limits(Payer(wallet.person.address), Wishes("", False, {}, (), blocked), None)

    def pay(page: Page) -> None:
        wallet.into(page)
        page.goto(f"{stack.base_url}/l/{sold.path}")
        page.get_by_role("button", name=PRICE).click()
        page.get_by_role("button", name="Pay with Test wallet").click()

    def refused(page: Page, _: Seen) -> None:
        pay(page)
        expect(page.locator(status)).to_contain_text("Not paid: ", timeout=ANSWER_MS)
        expect(page.locator(status)).to_contain_text("Nothing was charged")
        expect(page.locator("#pay-spent")).to_contain_text("$0.00 of")
        expect(page.get_by_role("button", name=again)).to_have_count(0)

    def answered(page: Page, _: Seen) -> None:
        pay(page)
        expect(page.locator(status)).to_contain_text("Paid 0.02 USDC", timeout=ANSWER_MS)
        expect(page.locator("#pay-spent")).to_contain_text("$0.02 of")

    allow(sold.path)
    browser.visit(refused)
    assert sold.calls == []
    allow()
    browser.visit(answered)
    assert len(wallet.signed) == 2


def test_a_body_whose_members_are_all_left_blank_is_sent_empty(
    browser: Chromium, stack: Stack
) -> None:
    async def echo(call: Call, wire: Wire) -> bool:
        return await answer(b'{"heard":' + call.body + b"}")(call, wire)

    text = {"type": "object", "properties": {"text": {"type": "string"}}}
    sold = stack.sell(
        method="POST",
        behaviour=echo,
        input_schema={"type": "object", "properties": {"body": text}, "required": ["body"]},
        example={"body": {"text": "good"}},
    )

    def visit(page: Page, _: Seen) -> None:
        page.goto(f"{stack.base_url}/l/{sold.path}")
        page.get_by_label("text").fill("")
        page.get_by_role("button", name=PRICE).click()
        page.get_by_role("button", name=DEMO).click()
        expect(page.locator("#pay-status")).to_contain_text("Paid 0.01 USDC", timeout=ANSWER_MS)

    browser.visit(visit)
    assert [call.body for call in sold.calls] == [b"{}"]


def test_filters_change_the_results_and_the_address_without_a_new_page(
    browser: Chromium, stack: Stack
) -> None:
    lookup(stack, "Quokka facts", dollars="0.03")
    lookup(stack, "Quokka pictures", dollars="0.04")

    def visit(page: Page, seen: Seen) -> None:
        page.goto(f"{stack.base_url}/market")
        page.get_by_label("Search").first.fill("quokka")
        expect(page.locator("#results [role=status]")).to_have_text("2 services")
        page.get_by_label("Price at most").fill("0.03")
        expect(page.locator("#results [role=status]")).to_have_text("1 service")
        assert page.url.endswith("/market?q=quokka&maxPrice=0.03")
        assert len([url for url in seen.requested if url.endswith("souk.css")]) == 1
        page.get_by_label("Price at most").fill("0.01")
        page.get_by_role("link", name="Clear the price").click()
        expect(page.locator("#results [role=status]")).to_have_text("2 services")
        page.go_back()
        expect(page.get_by_role("link", name="Clear the price")).to_be_visible()
        page.goto(f"{stack.base_url}/market?q=quokka&sort=price&limit=1")
        page.get_by_role("link", name="Show more").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Quokka pictures")).to_be_focused()
        expect(page.get_by_role("link", name="Quokka facts")).to_be_visible()
        assert (seen.stopped_by, seen.complaints) == ([], [])

    browser.visit(visit)
