"""A buyer's program asks for money back, and nobody but the wallet that paid can."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from payments.counter import close_counter
from payments.disputes.cases import move
from payments.ids import new_id
from payments.models import Case, Dispute, Payment, Refund, Side
from tests.fixtures.cast import Cast, Person
from tests.fixtures.purchases import Purchases, sql_url
from tests.fixtures.wallet import sign_in

MINE = Cast.buyer.address


@pytest.fixture
async def client(settings: Any) -> Any:
    settings.DATABASE_URL = sql_url()
    settings.CHAINS = {}
    yield AsyncClient()
    await close_counter()


async def paid(purchases: Purchases, **changes: Any) -> UUID:
    return await purchases.final(**{"payer": MINE} | changes)


def about(payment_id: UUID, **more: Any) -> dict[str, Any]:
    return {
        "paymentReference": {"paymentId": str(payment_id)},
        "reason": "service_defective",
        "amount": "2000",
    } | more


async def post(client: AsyncClient, asked: Any, **headers: str) -> Any:
    return await client.post(
        "/api/refunds", json.dumps(asked), content_type="application/json", headers=headers
    )


async def proven(client: AsyncClient, asked: Any, who: Person = Cast.buyer) -> Any:
    """Ask, answer the question that comes back, and ask again with the proof."""
    first = await post(client, asked)
    assert first.status_code == 401, first.content
    proof = sign_in(first.json()["extensions"]["sign-in-with-x"], who)
    return await post(client, asked, **{"SIGN-IN-WITH-X": proof})


async def test_a_page_elsewhere_may_ask(client: AsyncClient, purchases: Purchases) -> None:
    """A browser asks first, for the JSON and for the proof, and is not counted for it."""
    for path, method, headers in (
        ("/api/refunds", "POST", "Content-Type, SIGN-IN-WITH-X"),
        (f"/api/refunds/{new_id()}", "GET", "SIGN-IN-WITH-X"),
    ):
        answer = await client.options(path)
        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, "*")
        assert answer["Access-Control-Allow-Methods"] == f"{method}, OPTIONS"
        assert answer["Access-Control-Allow-Headers"] == headers
        assert "RateLimit-Remaining" not in answer.headers
    refused = await post(client, about(await paid(purchases)))
    assert refused.status_code == 401
    assert "WWW-Authenticate" in refused["Access-Control-Expose-Headers"]
    assert (await client.get("/api/refunds"))["Access-Control-Allow-Origin"] == "*"


async def test_the_paying_wallet_asks_and_follows(
    client: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await paid(purchases)
    asked = about(payment_id, idempotencyKey="k" * 16, refundTo=MINE)
    said = await proven(client, asked)
    assert said.status_code == 202
    document = said.json()
    assert (document["status"], document["state"], document["asked"]) == ("pending", "open", "2000")
    again = await proven(client, asked)
    assert again.json()["refundId"] == document["refundId"]
    path = f"/api/refunds/{document['refundId']}"
    assert document["statusUrl"].endswith(path)
    question = (await client.get(path)).json()["extensions"]["sign-in-with-x"]
    proof = {"SIGN-IN-WITH-X": sign_in(question, Cast.buyer)}
    assert (await client.get(path, headers=proof)).json()["status"] == "pending"
    assert (await client.get(path, headers=proof)).status_code == 401, "one question, one answer"
    another = await proven(client, about(payment_id))
    assert (another.status_code, another.json()["reason"]) == (409, "policy_denied")
    assert another.json()["statusUrl"] == document["statusUrl"], "where the open one stands"
    await sync_to_async(pay_back)(UUID(document["refundId"]))
    question = (await client.get(path)).json()["extensions"]["sign-in-with-x"]
    proof = {"SIGN-IN-WITH-X": sign_in(question, Cast.buyer)}
    executed = (await client.get(path, headers=proof)).json()
    assert executed["status"] == "executed"
    assert executed["transactions"] == [
        {"txHash": "0x" + "12" * 32, "amount": "2000", "confirmed": True}
    ]


async def test_requests_of_one_network_are_counted_before_anything_is_read(
    client: AsyncClient, purchases: Purchases, settings: Any
) -> None:
    settings.REFUND_REQUESTS_PER_MINUTE, settings.PROXY_HOPS = 3, 1
    here, there = {"X-Forwarded-For": "81.2.69.142"}, {"X-Forwarded-For": "81.2.70.7"}
    payment_id = await paid(purchases)
    first = await post(client, about(payment_id), **here)
    assert (first.status_code, first["RateLimit-Remaining"]) == (401, "2")
    assert (await post(client, "no request", **here)).status_code == 400
    unknown = f"/api/refunds/{UUID(int=7)}"
    assert (await client.get(unknown, headers=here)).status_code == 404
    for refused in (
        await post(client, about(payment_id), **here),
        await client.get(unknown, headers=here),
    ):
        assert (refused.status_code, refused.json()["error"]) == (429, "too_often")
        assert 1 <= int(refused["Retry-After"]) <= 60
        assert (refused["RateLimit-Limit"], refused["RateLimit-Remaining"]) == ("3", "0")
    assert (await post(client, about(payment_id), **there)).status_code == 401


def pay_back(dispute_id: UUID) -> None:
    dispute = Dispute.objects.select_related("payment").get(pk=dispute_id)
    Refund.objects.create(
        payment_id=dispute.payment_id, dispute=dispute, seller_id=dispute.seller_id,
        paid_at=dispute.payment.created_at, is_unanswered=False, network=dispute.payment.network,
        asset=dispute.payment.asset, transaction=b"\x12" * 32, named_by=Side.CHAIN,
        named_at=dispute.opened_at, state="confirmed", log_place=0, amount_atomic=2_000,
        block_number=1, block_hash=b"\x13" * 32,
    )  # fmt: skip
    assert move(dispute, Case.REFUNDED, Side.CHAIN)


async def test_nobody_else_can(client: AsyncClient, purchases: Purchases) -> None:
    payment_id = await paid(purchases)
    stranger = await proven(client, about(payment_id), Cast.attacker)
    assert stranger.status_code == 401
    assert stranger.json()["reason"] == "not_payer"
    assert not await Dispute.objects.aexists()
    unknown = await post(client, about(UUID(int=7)))
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown_payment")
    assert (await client.get(f"/api/refunds/{UUID(int=7)}")).status_code == 404


async def test_a_payment_is_found_by_its_transaction_and_payer(
    client: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.claim(payer=MINE)
    await purchases.answer(payment_id)
    await purchases.settle(payment_id, transaction=b"\x77" * 32)
    await purchases.confirm(payment_id)
    asked = about(payment_id, refundTo=MINE)
    asked["paymentReference"] = {"txHash": "0x" + "77" * 32, "network": "eip155:84532"}
    assert (await proven(client, asked)).json()["paymentId"] == str(payment_id)
    elsewhere = asked | {"refundTo": Cast.other_buyer.address}
    said = await proven(client, elsewhere, Cast.other_buyer)
    assert (said.status_code, said.json()["reason"]) == (404, "unknown_payment")
    asked["paymentReference"]["network"] = "eip155:8453"
    said = await proven(client, asked)
    assert said.json()["reason"] == "unknown_payment", "a wallet counts where it proved itself"
    asked["paymentReference"]["network"] = "base"
    assert "eip155:8453" in (await post(client, asked)).json()["detail"]


async def test_who_only_knows_a_transaction_learns_nothing_of_who_paid_in_it(
    client: AsyncClient, purchases: Purchases
) -> None:
    """It is public, as its payer is: whether they bought here, and what, is not."""
    payment_id = await purchases.claim(payer=MINE)
    await purchases.answer(payment_id)
    await purchases.settle(payment_id, transaction=b"\x77" * 32)

    async def seen(transaction: bytes) -> Any:
        reference = {"txHash": f"0x{transaction.hex()}", "network": "eip155:84532"}
        asked = {"paymentReference": reference, "refundTo": MINE, "reason": "other"}
        said = await post(client, asked)
        assert str(payment_id) not in repr((said.headers, said.content))
        document = said.json()
        assert document.pop("extensions")["sign-in-with-x"]
        return said.status_code, document, said["WWW-Authenticate"]

    assert await seen(b"\x77" * 32) == await seen(b"\x78" * 32)
    fingerprint = bytes((await Payment.objects.aget(pk=payment_id)).fingerprint)
    asked = about(payment_id, refundTo=MINE) | {
        "paymentReference": {"txHash": f"0x{fingerprint.hex()}", "network": "eip155:84532"}
    }
    assert (await proven(client, asked)).status_code == 404, "only transactions are looked up"


async def test_of_several_payments_in_one_transaction_one_is_named_by_its_id(
    client: AsyncClient, purchases: Purchases
) -> None:
    both = [await purchases.claim(payer=MINE) for _ in range(2)]
    for payment_id in both:
        await purchases.answer(payment_id)
        await purchases.settle(payment_id, transaction=b"\x77" * 32)
        await purchases.confirm(payment_id)
    asked = about(both[0], refundTo=MINE)
    carried = {"txHash": "0x" + "77" * 32, "network": "eip155:84532"}
    said = await proven(client, asked | {"paymentReference": carried})
    assert (said.status_code, said.json()["error"]) == (400, "bad_request")
    assert "name one by paymentId" in said.json()["detail"]
    assert (await proven(client, asked)).status_code == 202


async def test_what_cannot_be_says_why_in_the_drafts_words(
    client: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await paid(purchases)
    for more, reason in (
        ({"amount": "2001"}, "amount_exceeds_settled"),
        ({"refundTo": Cast.attacker.address}, "policy_denied"),
    ):
        said = await proven(client, about(payment_id, **more))
        assert (said.status_code, said.json()["status"]) == (409, "denied")
        assert said.json()["reason"] == reason
    for more in (
        {"amount": 2000}, {"amount": "-1"}, {"reason": "mood"},
        *({"idempotencyKey": key} for key in (7, "\0", "\ud800", "ü", "k" * 256)),
    ):  # fmt: skip
        said = await proven(client, about(payment_id, **more))
        assert (said.status_code, said.json()["error"]) == (400, "bad_request"), more
    for body in ([], {}, {"paymentReference": 1}, {"paymentReference": {}}):
        assert (await post(client, body)).status_code == 400, body
    assert not await Dispute.objects.aexists()
