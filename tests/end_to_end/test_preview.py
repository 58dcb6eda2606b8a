"""A seller tries a draft out: a real payment, a real receipt, and nothing that counts as sold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator

import pytest
from django.test import override_settings

from marketplace.catalog.mcp.lists import TOOLS_A_PAGE
from marketplace.embedded.demo_accounts import BUYER
from sellers import previews
from sellers.drafts import Draft, finish
from sellers.grading import verified
from sellers.grading.checks import REQUIRED, Check
from sellers.models import Listing
from sellers.on_sale.preview_ends import close_of_listing
from sellers.prices import Ask
from sellers.publishing import publish
from sellers.reviews import submitting
from sellers.site import this_site
from sellers.terms import Sample
from tests.fixtures.cast import Cast
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.stack import NETWORK, Stack, quotes
from tests.fixtures.trying import finished_draft
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import ask, authorize, buy, pack


def draft_of(stack: Stack, cast: type[Cast]) -> Draft:
    return Draft(
        upstream_url=f"{stack.upstream.url}/tried",
        title="Tried",
        description="A draft that nobody has approved.",
        sample=Sample(200, "application/json", b'{"ok":true}'),
        prices=[Ask("0.01", NETWORK, cast.seller.address)],
    )


@pytest.fixture
def of_the_stack(stack: Stack) -> Iterator[None]:
    """This process makes addresses as the stack does, and asks it."""
    own = {"SECRET_KEY": stack.environment["SECRET_KEY"], "ASKS_ITSELF": True}
    with override_settings(**own):
        yield


def required_failures(checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if not check.passed and check.severity == REQUIRED]


def test_graders_find_a_draft_and_a_listing_whole(
    stack: Stack, cast: type[Cast], of_the_stack: None
) -> None:
    sold = stack.sell()
    with stack.database():
        sheet = finished_draft(draft_of(stack, cast), "graded", cast.seller.address)
        of_draft = submitting.of_draft(sheet, this_site())
        said = verified.validate(sold.path)
        row = verified.report(Listing.objects.get(slug=sold.path.partition("/")[2]))
        assert not previews.alive().filter(seller=sheet.seller).exists()  # it was for the look
    asked = {check.check: check for check in of_draft}
    assert required_failures(of_draft) == []
    assert asked["returns-402"].actual == "402 and 402"
    assert asked["bazaar-replay"].passed
    assert asked["demo-live"].passed
    assert asked["evm-payto-eoa"].passed
    assert not asked["tested"].passed
    assert required_failures(said) == []
    passed = {check.check for check in said if check.passed}
    over_mcp = {"server", "paid-tools", "payment-required", "payment-structured", "payment-text"}
    assert {f"mcp-{each}" for each in over_mcp} <= passed, said
    assert {"returns-402", "challenge-header", "cors-expose", "no-store", "older-clients"} <= passed
    assert row is not None
    assert row.good_at is not None
    assert sold.calls == []


def test_graders_find_a_listing_on_a_later_page_of_its_sellers_tools(
    stack: Stack, cast: type[Cast], of_the_stack: None
) -> None:
    with stack.database():
        terms = finish(draft_of(stack, cast), this_site())
        for number in range(TOOLS_A_PAGE + 1):
            publish("crowded", f"listing-{number:02}", terms, this_site())
        said = verified.validate(f"crowded/listing-{TOOLS_A_PAGE:02}")
    assert "mcp-paid-tools" in {check.check for check in said if check.passed}, said


def tried(stack: Stack) -> int:
    """How often the draft's endpoint was called."""
    return len([call for call in stack.upstream.calls if call.path == "/tried"])


def test_the_demos_own_command_buys_a_draft(
    stack: Stack, cast: type[Cast], of_the_stack: None
) -> None:
    stack.upstream.on("/tried", answer(b'{"ok":true}'))
    with stack.database(), override_settings(PREVIEW_WALLETS=[BUYER.address]):
        sheet = finished_draft(draft_of(stack, cast), "shown", cast.seller.address)
        url = previews.address_of(previews.open_preview(sheet, this_site()), this_site())
    stack.wait_until(lambda: quotes(url), "the quote")
    had = subprocess.run(
        [sys.executable, "manage.py", "buy", "--quiet", url],
        cwd=CHECKOUT, env=stack.environment, capture_output=True, check=False,
    )  # fmt: skip
    assert (had.returncode, had.stdout) == (0, b'{"ok":true}'), had.stderr


def test_a_draft_is_bought_by_its_own_seller(
    stack: Stack, cast: type[Cast], of_the_stack: None
) -> None:
    stack.upstream.on("/tried", answer(b'{"ok":true}'))
    stack.chain.fund(cast.other_seller.address, 1)
    stack.chain.fund(cast.buyer.address, 1)
    with stack.database():
        own = cast.seller.address, cast.other_seller.address
        sheet = finished_draft(draft_of(stack, cast), "trier", *own)
        url = previews.address_of(previews.open_preview(sheet, this_site()), this_site())
    stack.wait_until(lambda: quotes(url), "the quote")

    before = tried(stack)
    stranger = buy(url, cast.buyer)
    assert (stranger.status, tried(stack)) == (403, before)
    said = buy(url, cast.other_seller)

    assert (said.status, said.json) == (200, {"ok": True})
    payment = said.settlement["extensions"]["souk"]["payment"]
    receipts = "select count(*) from payments_receipt where payment_id = %s"
    stack.wait_until(lambda: stack.rows(receipts, payment) == [(1,)], "the receipt")
    with stack.database():
        (call,) = previews.calls_of(sheet)
        assert (str(call.payment_id), call.is_paid) == (payment, True)
        assert call.revision_hash == previews.draft_hash(sheet, this_site())
    # A sale of somebody else is counted after it, and the test call is not.
    sold = stack.sell()
    other = buy(sold.url, cast.buyer).settlement["extensions"]["souk"]["payment"]
    counted = "select count(*) from payments_counted where payment_id = %s"
    stack.wait_until(lambda: stack.rows(counted, other) == [(1,)], "the sums")
    assert stack.rows(counted, payment) == [(0,)]

    with stack.database():
        late = {"PAYMENT-SIGNATURE": pack(authorize(ask(url).challenge, cast.other_seller))}
        close_of_listing(sheet.listing_id)
    assert ask(url).status == 404
    assert ask(url, headers=late).status == 404
