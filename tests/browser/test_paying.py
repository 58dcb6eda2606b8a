"""A person pays for a call from the page a browser is shown: what they read, sign and get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from payments.x402.reasons import Reason
from tests.browser.chromium import Chromium, Seen, widest_px
from tests.browser.injected_wallet import InjectedWallet
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Sold, Stack
from tests.fixtures.upstream import Call, Wire, answer

PAY = "Pay with Test wallet"
SIGN = "Sign in Test wallet"
ANSWER_MS = 30_000


def scoring(stack: Stack) -> Sold:
    """A listing that takes a body and says it back, so that what was sent can be seen."""

    async def echo(call: Call, wire: Wire) -> bool:
        return await answer(b'{"heard":' + call.body + b"}")(call, wire)

    return stack.sell(
        method="POST", dollars="0.02", behaviour=echo, example={"body": {"text": "good"}}
    )


def receipt_of(page: Page) -> str:
    return str(
        page.get_by_role("link", name="See the payment and its receipt").get_attribute("href")
    )


def test_a_call_is_read_signed_paid_and_answered(browser: Chromium, stack: Stack) -> None:
    sold, wallet = scoring(stack), InjectedWallet(Cast.buyer, chain_id=1)
    stack.chain.fund(wallet.person.address, 1)

    def pay(page: Page, seen: Seen) -> tuple[str, str, str]:
        wallet.into(page)
        page.goto(sold.url)
        page.get_by_label("Body to send").fill('{"text": "better"}')
        page.get_by_role("button", name=PAY).click()
        sign = page.get_by_role("button", name=SIGN)
        expect(sign).to_be_focused()
        words = page.locator("#pay-terms").inner_text()
        assert not wallet.signed, "what is signed is said before the wallet opens"
        sign.click()
        expect(page.get_by_role("status")).to_contain_text("Paid 0.02 USDC", timeout=ANSWER_MS)
        assert (seen.stopped_by, seen.complaints) == ([], [])
        return words, page.locator("pre").first.inner_text(), receipt_of(page)

    words, given, receipt = browser.visit(pay)

    for said in (
        "0.02 USDC",
        Cast.seller.address,
        wallet.person.address,
        "Base Sepolia, test network",
    ):
        assert said in words
    assert wallet.asked.index("wallet_switchEthereumChain") < wallet.asked.index(
        "eth_signTypedData_v4"
    )
    assert json.loads(given) == {"heard": {"text": "better"}}
    assert receipt.startswith(f"{stack.base_url}/p/")
    assert len(sold.calls) == 1


def test_a_wallet_that_does_not_know_the_network_is_offered_to_add_it(
    browser: Chromium, stack: Stack
) -> None:
    sold = stack.sell()
    wallet = InjectedWallet(Cast.buyer, chain_id=1, known_chains={1})
    wallet.lacks = {"wallet_addEthereumChain"}
    stack.chain.fund(wallet.person.address, 1)

    def pay(page: Page, seen: Seen) -> str:
        wallet.into(page)
        page.goto(sold.url)
        page.get_by_role("button", name=PAY).click()
        sign, status = page.get_by_role("button", name=SIGN), page.get_by_role("status")
        sign.click()
        expect(status).to_have_text(
            "The wallet does not know Base Sepolia. Add it there, its chain id is 84532, "
            "and try again."
        )
        wallet.lacks = set()
        wallet.refuses = {"wallet_addEthereumChain"}
        sign.click()
        expect(status).to_have_text("Cancelled in the wallet. Nothing was signed.")
        wallet.refuses = set()
        sign.click()
        expect(status).to_contain_text("Paid 0.01 USDC", timeout=ANSWER_MS)
        assert (seen.stopped_by, seen.complaints) == ([], [])
        return page.content()

    assert stack.rpc_url not in browser.visit(pay)  # what the operator asks is the operator's
    assert wallet.added == [
        {
            "chainId": "0x14a34",
            "chainName": "Base Sepolia",
            "rpcUrls": ["https://sepolia.base.org"],
            "nativeCurrency": {"name": "ETH", "symbol": "ETH", "decimals": 18},
            "blockExplorerUrls": ["https://sepolia.basescan.org"],
        }
    ]


def test_a_no_in_the_wallet_costs_nothing_and_keeps_what_was_typed(
    browser: Chromium, stack: Stack
) -> None:
    sold, wallet = scoring(stack), InjectedWallet(Cast.buyer, refuses={"eth_signTypedData_v4"})

    def refuse(page: Page, _: Seen) -> tuple[str, str]:
        wallet.into(page)
        page.goto(sold.url)
        page.get_by_label("Body to send").fill('{"text": "typed"}')
        page.get_by_role("button", name=PAY).click()
        page.get_by_role("button", name=SIGN).click()
        expect(page.get_by_role("status")).to_contain_text("Cancelled")
        typed = page.get_by_label("Body to send").input_value()
        return typed, page.get_by_role("status").inner_text()

    assert browser.visit(refuse) == (
        '{"text": "typed"}',
        "Cancelled in the wallet. Nothing was signed.",
    )
    assert sold.calls == []


def test_an_answer_that_did_not_come_is_asked_for_with_the_same_signature(
    browser: Chromium, stack: Stack
) -> None:
    sold, wallet = stack.sell(), InjectedWallet(Cast.buyer)
    stack.chain.fund(wallet.person.address, 1)
    lost: list[str] = []

    def pay(page: Page, _: Seen) -> None:
        def lose_the_first(route: Any) -> None:
            payment = route.request.headers.get("payment-signature")
            if payment and not lost:
                lost.append(payment)
                route.fetch(timeout=ANSWER_MS)  # it is paid for; the browser never hears of it
                route.abort()
            else:
                route.fallback()

        wallet.into(page)
        page.route("**/call/**", lose_the_first)
        page.goto(sold.url)
        page.get_by_role("button", name=PAY).click()
        page.get_by_role("button", name=SIGN).click()
        again = page.get_by_role("button", name="Ask again with the 0.01 USDC you signed")
        expect(again).to_be_visible(timeout=ANSWER_MS)
        page.reload()  # what was signed outlives the page
        page.get_by_role("button", name=PAY).click()  # and is not signed a second time
        expect(page.get_by_role("status")).to_contain_text("have not seen its outcome")
        expect(page.get_by_role("button", name=SIGN)).to_have_count(0)
        again.click()
        expect(page.get_by_role("status")).to_contain_text("Paid 0.01 USDC", timeout=ANSWER_MS)

    browser.visit(pay)

    assert len(wallet.signed) == len(lost) == 1
    assert len(sold.calls) == 1


def test_what_can_no_longer_be_taken_is_not_asked_for(browser: Chromium, stack: Stack) -> None:
    sold, wallet = stack.sell(), InjectedWallet(Cast.buyer)

    def pay(page: Page, _: Seen) -> None:
        def lose(route: Any) -> None:
            if is_gone or route.request.headers.get("payment-signature"):
                route.abort()
            else:
                route.fallback()

        is_gone = False
        wallet.into(page)
        page.clock.install()
        page.route("**/call/**", lose)
        page.goto(sold.url)
        page.get_by_role("button", name=PAY).click()
        page.get_by_role("button", name=SIGN).click()
        again, status = page.get_by_role("button", name="Ask again"), page.get_by_role("status")
        expect(again).to_be_visible()
        page.clock.fast_forward("24:00:00")
        again.click()
        expect(status).to_contain_text("can no longer be taken")
        expect(again).to_have_count(0)
        is_gone = True
        page.get_by_role("button", name=PAY).click()
        expect(status).to_have_text("No price arrived. Nothing was charged; please try again.")

    browser.visit(pay)
    assert sold.calls == []


# What is said where no answer of the seller's comes: its status, its word, and what is signed then.
OUTCOMES = (
    (503, "settlement_pending", "open"), (503, "busy", "open"), (503, "listing_closed", "open"),
    (429, "too_many_bad_payments", "open"), (409, "in_flight", "open"),
    (400, "body_incomplete", "open"),
    # Of whatever stands before the door: no word of ours, whatever its status.
    (500, "", "open"), (502, "", "open"), (504, "", "open"), (403, "", "open"), (404, "", "open"),
    (402, "transaction_failed", "free"), (402, Reason.INSUFFICIENT_BALANCE, "free"),
    (400, Reason.MALFORMED_JSON, "free"), (400, "input_refused", "free"),
    (403, "limit_day", "free"), (403, "address_denied", "free"), (404, "not_found", "free"),
    (405, "method_not_allowed", "free"), (413, "body_too_large", "free"),
    (415, "input_refused", "free"), (431, "headers_too_large", "free"),
    (409, "listing_closed", "free"), (409, Reason.EXPIRED, "free"),
    (409, "refund_due", "used"), (409, "already_used", "used"), (409, "other_request", "used"),
    (402, Reason.ALREADY_USED, "used"), (410, "answer_expired", "used"),
)  # fmt: skip


def test_only_what_may_still_be_answered_is_asked_for_again(
    browser: Chromium, stack: Stack
) -> None:
    said = [[status, {"error": word, "detail": "Why not."}] for status, word, _ in OUTCOMES]

    def judge(page: Page, _: Seen) -> Any:
        page.goto(f"{stack.base_url}/market")
        return page.evaluate(
            """async (said) => {
              const { outcomeOf } = await import("/static/outcome.js");
              return said.map((each) => outcomeOf(...each));
            }""",
            said,
        )

    judged = browser.visit(judge)
    assert [each["fate"] for each in judged] == [fate for _, _, fate in OUTCOMES]
    for (_, _, fate), each in zip(OUTCOMES, judged, strict=True):
        begins = {"open": "No answer yet: Why not.", "free": "Not paid: Why not."}.get(fate)
        assert begins in (None, each["words"])
        assert each["words"]


def test_without_a_wallet_the_page_says_so_and_fits_a_phone(
    browser: Chromium, stack: Stack, tmp_path: Path
) -> None:
    sold = scoring(stack)

    def look(page: Page, _: Seen) -> float:
        page.goto(sold.url)
        expect(page.get_by_text("No wallet was found in this browser")).to_be_visible()
        return widest_px(page)

    assert browser.visit(look, width=390) == 390
