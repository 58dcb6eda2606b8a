"""What passed of a stream that was cut: its buyer's alone, and never as a whole answer."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient
from django.utils import timezone
from eth_account import Account
from eth_account.signers.local import LocalAccount

from marketplace.accounts.models import Wallet
from payments.acceptance import passing
from payments.counter import close_counter
from payments.cut_streams import bytes_of, cut_stream_of
from payments.database.pool import one
from payments.disputes.cases import Request, open_dispute
from payments.erasing import erase_bought
from payments.identifiers import identifier_hash
from payments.ids import new_id
from payments.models import Payment, Reason
from payments.wallets.payers import Payer
from tests.fixtures.buying import owner
from tests.fixtures.cast import Cast
from tests.fixtures.foreign import admin, browser_of
from tests.fixtures.purchases import Purchases, sql_url
from tests.payments.test_status import sign

NAME = "pay_0123456789abcdef"
BY_NAME = {"X-Payment-Identifier": NAME}
FIRST, SECOND = b"data: one\n\n", b"data: two\n\n"
PASSED = FIRST + SECOND
MakePurchase = Callable[[Callable[[Purchases], Awaitable[Any]]], Any]


@pytest.fixture
async def site(purchases: Purchases, settings: Any) -> AsyncIterator[AsyncClient]:
    """The site as its own process, apart from the door."""
    settings.DATABASE_URL = sql_url()
    yield AsyncClient()
    await close_counter()


async def cut(purchases: Purchases, **changes: Any) -> UUID:
    return await purchases.cut(FIRST, SECOND, identifier_hash=identifier_hash(NAME), **changes)


async def fetch(site: AsyncClient, payment_id: UUID, **headers: str) -> Any:
    return await site.get(f"/p/{payment_id}/part", headers=headers)


async def body_of(said: Any) -> bytes:
    return b"".join([piece async for piece in said])


async def passed(payment_id: UUID) -> bytes:
    found = await sync_to_async(cut_stream_of)(payment_id)
    return await sync_to_async(bytes_of)(found) if found else b""


async def signed_in(address: str) -> AsyncClient:
    client = AsyncClient()

    def person() -> User:
        user = User.objects.create_user(f"of-{address}")
        Wallet.objects.create(address=address, user=user, network="", linked_at=timezone.now())
        return user

    await client.aforce_login(await sync_to_async(person)())
    return client


async def test_its_buyer_fetches_what_passed_and_sees_that_it_was_cut(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await cut(purchases)

    for _ in range(2):
        said = await fetch(site, payment_id, **BY_NAME)
        assert (said.status_code, await body_of(said)) == (206, PASSED)

    assert said["Content-Range"] == f"bytes 0-{len(PASSED) - 1}/*"
    assert said["X-Souk-Cut"] == f"yes; bytes={len(PASSED)}"
    assert "X-Souk-Cut" in said["Access-Control-Expose-Headers"]
    assert said["Content-Type"] == "text/event-stream"
    assert said["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert said["X-Content-Type-Options"] == "nosniff"
    assert said["Cache-Control"] == "no-store"
    assert not (await purchases.held(payment_id)).collected
    whole = await site.get(f"/p/{payment_id}/answer", headers=BY_NAME)
    assert (whole.status_code, whole.json()["error"]) == (409, "no_answer")


async def test_bytes_that_came_packed_are_said_to_be(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.begin(identifier_hash=identifier_hash(NAME))
    await purchases.pass_on(payment_id, b"\x1f\x8b", encoding="gzip")
    await purchases.void(payment_id)

    assert (await fetch(site, payment_id, **BY_NAME))["Content-Encoding"] == "gzip"


async def test_nobody_else_gets_it(site: AsyncClient, purchases: Purchases) -> None:
    buyer: LocalAccount = Account.create()
    stranger: LocalAccount = Account.create()
    payment_id = await cut(purchases, payer=buyer.address)

    async def proven_by(wallet: LocalAccount) -> Any:
        asked = await fetch(site, payment_id)
        assert (asked.status_code, asked.json()["error"]) == (401, "proof_required")
        proof = sign(asked.json()["extensions"]["sign-in-with-x"], wallet)
        return await fetch(site, payment_id, **{"SIGN-IN-WITH-X": proof})

    refused = [
        await proven_by(stranger),
        await fetch(site, payment_id, **{"X-Payment-Identifier": "guess_0123456789abcd"}),
        await fetch(site, payment_id, **BY_NAME, **{"Sec-Fetch-Dest": "iframe"}),
        await site.post(f"/p/{payment_id}/part", {"how": "file"}),
        await (await signed_in(stranger.address)).post(f"/p/{payment_id}/part", {"how": "show"}),
        await site.get(f"/p/{new_id()}/part", headers=BY_NAME),
        await site.get("/p/nonsense/part", headers=BY_NAME),
    ]

    assert [said.status_code for said in refused] == [401, 401, 403, 404, 404, 404, 404]
    assert not any(b"data:" in said.content for said in refused)
    assert await body_of(await proven_by(buyer)) == PASSED


async def test_from_the_page_it_is_a_file_or_shown_as_cut(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await cut(purchases, payer=Cast.buyer.address)
    mine = await signed_in(Cast.buyer.address)

    page = (await mine.get(f"/p/{payment_id}", headers={"Accept": "text/html"})).content.decode()
    saved = await mine.post(f"/p/{payment_id}/part", {"how": "file"})
    shown = (await mine.post(f"/p/{payment_id}/part", {"how": "show"})).content.decode()

    assert f'action="/p/{payment_id}/part"' in page
    assert (saved.status_code, await body_of(saved)) == (200, PASSED)
    assert f'filename="cut-{payment_id}' in saved["Content-Disposition"]
    assert saved["X-Souk-Cut"] == f"yes; bytes={len(PASSED)}"
    assert "data: one" in shown
    assert "Cut</strong> after" in shown
    assert "What the seller answered" not in shown


async def test_everybody_sees_that_it_was_cut_and_nobody_what_came(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await cut(purchases)
    nothing_came = await purchases.cut()

    said = (await site.get(f"/p/{payment_id}")).json()
    page = (await site.get(f"/p/{payment_id}", headers={"Accept": "text/html"})).content.decode()

    assert said["links"]["part"].endswith(f"/p/{payment_id}/part")
    assert "answer" not in said["links"]
    assert said["response"] is None
    assert "the buyer can fetch what was passed on" in said["hint"]
    assert f'action="/p/{payment_id}/part"' not in page
    assert "data: one" not in page
    assert "cut</strong> after" in page
    other = (await site.get(f"/p/{nothing_came}")).json()
    assert "part" not in other["links"]
    assert "passed on" not in other["hint"]


async def test_while_somebody_is_at_work_it_is_not_cut(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.begin(identifier_hash=identifier_hash(NAME))
    await purchases.pass_on(payment_id, FIRST)

    waiting = await fetch(site, payment_id, **BY_NAME)
    assert (waiting.status_code, waiting.json()["error"]) == (503, "answer_pending")
    assert "part" not in (await site.get(f"/p/{payment_id}")).json()["links"]

    await one(
        purchases.pool,
        "update payments_progress set lease_until = clock_timestamp() - interval '1 second'"
        " where payment_id = %s returning 1",
        (payment_id,),
    )
    said = await fetch(site, payment_id, **BY_NAME)
    assert (said.status_code, await body_of(said)) == (206, FIRST)
    assert "part" in (await site.get(f"/p/{payment_id}")).json()["links"]


async def test_what_was_not_paid_or_did_not_pass_is_not_there(
    site: AsyncClient, purchases: Purchases
) -> None:
    unpaid = await purchases.claim(
        purchase={"release": "upfront"}, identifier_hash=identifier_hash(NAME)
    )
    await purchases.pass_on(unpaid, FIRST)
    await purchases.void(unpaid)
    nothing_came = await purchases.cut(identifier_hash=identifier_hash(NAME))

    for payment_id, status, error in ((unpaid, 409, "no_answer"), (nothing_came, 404, "no_part")):
        said = await fetch(site, payment_id, **BY_NAME)
        assert (said.status_code, said.json()["error"]) == (status, error)


async def test_a_whole_answer_has_no_part(site: AsyncClient, purchases: Purchases) -> None:
    """Neither of its own attempt nor of one before, and none is written any more."""
    payment_id = await purchases.begin(identifier_hash=identifier_hash(NAME))
    await purchases.pass_on(payment_id, FIRST)
    await purchases.pass_on(payment_id, FIRST, attempt=2)
    await purchases.answer(payment_id)

    said = await fetch(site, payment_id, **BY_NAME)
    assert (said.status_code, said.json()["error"]) == (409, "no_part")
    assert "part" not in (await site.get(f"/p/{payment_id}")).json()["links"]

    await passing.let_go(purchases.pool, payment_id)
    await purchases.pass_on(payment_id, FIRST, attempt=1)
    assert await passed(payment_id) == b""


async def test_only_the_last_attempt_that_passed_something_counts(purchases: Purchases) -> None:
    payment_id = await purchases.begin()
    await purchases.pass_on(payment_id, FIRST, FIRST, FIRST)
    await purchases.pass_on(payment_id, SECOND, attempt=2)

    assert await passed(payment_id) == SECOND


async def test_a_part_that_comes_again_after_a_lost_commit_may_have_grown(
    purchases: Purchases,
) -> None:
    payment_id = await purchases.begin()
    await purchases.pass_on(payment_id, FIRST)
    await purchases.pass_on(payment_id, PASSED)

    assert await passed(payment_id) == PASSED


async def test_it_goes_with_its_buyers_account_and_others_stay(purchases: Purchases) -> None:
    mine = await cut(purchases, payer=Cast.buyer.address)
    theirs = await purchases.cut(FIRST, payer=Cast.other_buyer.address)

    await sync_to_async(erase_bought)((Payer(Cast.buyer.address),))

    assert await passed(mine) == b""
    assert await passed(theirs) == FIRST


def test_both_sides_of_a_dispute_and_its_judge_see_how_much_came_and_its_hash(
    make_purchase: MakePurchase, open_shop: Any
) -> None:
    """As of an answer: by the hash a copy is known, and the bytes stay the buyer's."""
    shop = open_shop("acme")
    purchase = {"seller_id": shop.listing.seller_id, "listing_id": shop.listing.pk}
    payment_id = make_purchase(
        lambda purchases: cut(purchases, payer=Cast.buyer.address, purchase=purchase)
    )
    dispute = open_dispute(Payment.objects.get(pk=payment_id), Request(Reason.NOT_DELIVERED, 1))
    pages = {
        f"/sell/disputes/{dispute.pk}": shop.client,
        f"/buy/disputes/{dispute.pk}": owner("buyer").client,
        f"/moderation/disputes/{dispute.pk}": browser_of(admin(), second_factor=True),
    }

    for address, browser in pages.items():
        page = browser.get(address).content.decode()
        assert hashlib.sha256(PASSED).hexdigest() in page, address
        assert "cut after 22" in page, address
        assert "data: one" not in page, address
