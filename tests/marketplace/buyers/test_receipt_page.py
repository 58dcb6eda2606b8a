"""One payment's page: the signed facts for everybody, the rest for whoever paid."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.utils import timezone

from marketplace.accounts.models import Wallet
from payments.counter import close_counter
from payments.receipts.issuing import KIND, statement_of, verify
from payments.receipts.signing import BadSignature, Signer, did_document, generate_pem
from tests.fixtures.buying import owner
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import ANSWER, Purchases, sql_url

MINE, OTHER = Cast.buyer.address, Cast.other_buyer.address
PERSON = {"Accept": "text/html"}
ASKED = "https://souk.example/call/acme/weather?city=Paris"
MakePurchase = Callable[[Callable[[Purchases], Awaitable[Any]]], Any]


@pytest.fixture
def site_key(settings: Any, receipt_signer: Signer) -> None:
    settings.RECEIPT_PUBLIC_KEY = receipt_signer.public_key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()


def page(client: Client, payment_id: UUID, tail: str = "") -> str:
    said = client.get(f"/p/{payment_id}{tail}", headers=PERSON)
    assert said.status_code == 200
    return " ".join(said.content.decode().split())


async def final(purchases: Purchases) -> UUID:
    return await purchases.final(payer=MINE, purchase={"url": ASKED})


def test_whoever_paid_sees_what_they_asked_and_nobody_else_does(
    make_purchase: MakePurchase,
) -> None:
    payment_id = make_purchase(final)
    mine = page(owner().client, payment_id)
    assert ASKED in mine
    assert "Fetch the answer again" in mine
    for other in (Client(), owner("other", OTHER).client):
        shown = page(other, payment_id)
        assert "Paris" not in shown
        assert "Fetch the answer again" not in shown
        assert "verify_receipt receipt.jws --did-document did.json" in shown
        assert '"success": true' in shown.replace("&quot;", '"')


def test_whoever_may_have_paid_finds_the_way_to_what_is_the_buyers(
    make_purchase: MakePurchase,
) -> None:
    payment_id = make_purchase(final)
    there = f"/account/sign-in?next=/p/{payment_id}"
    visitors = page(Client(), payment_id)
    assert f'<a href="{there}">Sign in with the wallet that paid</a>' in visitors
    assert "fetch the answer again and can open a dispute" in visitors
    sign_in = " ".join(Client().get(there).content.decode().split())
    assert "leads to a dispute if something was wrong" in sign_in
    strangers = page(owner("other", OTHER).client, payment_id)
    assert '<a href="/account/#wallets">Link the wallet that paid</a>' in strangers
    assert "Did you pay this?" not in page(owner().client, payment_id)


def test_what_is_not_to_be_had_is_not_promised(make_purchase: MakePurchase) -> None:
    async def life(purchases: Purchases) -> UUID:
        payment_id = await purchases.claim(payer=MINE)
        await purchases.void(payment_id)
        return payment_id

    shown = page(Client(), make_purchase(life))
    assert "Did you pay this?" in shown
    assert "then you see here what you asked.</p>" in shown


def test_a_shared_page_shows_no_more_than_the_signed_facts(make_purchase: MakePurchase) -> None:
    """Every value of its JSON is in the receipt, is one of its hashes, or is public on chain."""

    async def life(purchases: Purchases) -> tuple[UUID, str]:
        payment_id = await final(purchases)
        return payment_id, (await purchases.receipts(payment_id))[-1]

    payment_id, jws = make_purchase(life)
    shown = Client().get(f"/p/{payment_id}").json()
    signed = json.dumps(statement_of(jws))
    for name in ("payment", "payer", "payTo", "nonce", "transaction", "network"):
        assert f'"{shown[name]}"' in signed, name
    for name in ("listing", "request"):
        for value in shown[name].values():
            assert f'"{value}"' in signed, value
    assert shown["response"]["keptUntil"]
    for value in shown["response"].values():
        assert json.dumps(value) in signed, value
    assert set(shown) == {
        "payment", "status", "hint", "work", "money", "amount", "network", "networkName",
        "testnet", "payer", "payTo", "nonce", "validBefore", "transaction", "block", "listing",
        "request", "response", "steps", "links", "receipts",
        "refunded",  # on chain for everybody to see
    }  # fmt: skip


def test_the_browserless_check_says_whose_word_it_is(
    make_purchase: MakePurchase, site_key: None, settings: Any, receipt_signer: Signer
) -> None:
    payment_id = make_purchase(final)
    checked = page(Client(), payment_id, "/check")
    assert "Genuine, says this server" in checked
    assert "our word about our own receipt" in checked
    part = Client().get(f"/p/{payment_id}/check", headers={**PERSON, "HX-Request": "true"})
    assert part.content.decode().startswith('<div id="checked"')
    settings.RECEIPT_PUBLIC_KEY = ""  # another key than the one that signed
    assert "Not good, says this server" in page(Client(), payment_id, "/check")


def test_a_receipt_that_a_reorg_took_back_says_so_everywhere(make_purchase: MakePurchase) -> None:
    async def life(purchases: Purchases) -> UUID:
        payment_id = await final(purchases)
        await purchases.uproot(payment_id)
        return payment_id

    payment_id = make_purchase(life)
    shown = page(owner().client, payment_id)
    assert "The chain took this payment back" in shown
    assert "superseded" in shown
    newest, earlier = Client().get(f"/p/{payment_id}").json()["receipts"]
    assert (newest["status"], newest["supersededBy"]) == ("reversed", None)
    assert (earlier["status"], earlier["supersededBy"]) == ("final", newest["version"])
    receipt = f"/p/{payment_id}/receipt"
    old = Client().get(f"{receipt}?format=json&version={earlier['version']}")
    assert old["X-Souk-Superseded-By"] == str(newest["version"])
    now = Client().get(f"{receipt}?format=json")
    assert "X-Souk-Superseded-By" not in now
    assert now.json()["supersedes"] == old.json()["receiptVersion"]
    for odd in ("0", "x", "9" * 40, "-1"):
        assert Client().get(f"{receipt}?version={odd}").status_code == 404


def test_a_receipt_with_any_field_changed_fails(
    make_purchase: MakePurchase, receipt_signer: Signer
) -> None:
    async def life(purchases: Purchases) -> str:
        return (await purchases.receipts(await final(purchases)))[-1]

    jws = make_purchase(life)
    document = did_document(receipt_signer.public_key, receipt_signer.did)
    head, _, signature = jws.split(".")
    said = statement_of(jws)
    changes = list(_each_changed(said))
    assert len(changes) > 25
    other = Signer.from_pem(generate_pem(), receipt_signer.did)
    for _, changed in changes:
        body = other.sign(changed, KIND).split(".")[1]  # in the right spelling
        with pytest.raises(BadSignature, match="does not fit"):
            verify(f"{head}.{body}.{signature}", document)
    assert verify(jws, document).statement == said


def _each_changed(said: dict[str, Any]) -> Any:
    """The statement once for every field in it, with that one changed or left out."""
    for name, value in said.items():
        if isinstance(value, dict):
            for part, changed in _each_changed(value):
                yield f"{name}.{part}", {**said, name: changed}
        else:
            yield name, {**said, name: value + 1 if isinstance(value, int) else f"{value}0"}
            yield f"no {name}", {key: kept for key, kept in said.items() if key != name}


# Fetching again, from the page -------------------------------------------------------------------


@pytest.fixture
async def site(purchases: Purchases, settings: Any) -> Any:
    settings.DATABASE_URL = sql_url()
    yield purchases
    await close_counter()


async def signed_in(address: str, *, network: str = "", checks: bool = False) -> AsyncClient:
    client = AsyncClient(enforce_csrf_checks=checks)

    def person() -> User:
        user = User.objects.create_user(f"of-{address}")
        Wallet.objects.create(address=address, user=user, network=network, linked_at=timezone.now())
        return user

    await client.aforce_login(await sync_to_async(person)())
    return client


async def test_the_payer_fetches_the_answer_again_from_the_page(site: Purchases) -> None:
    payment_id = await site.final(payer=MINE)
    client = await signed_in(MINE)
    for _ in range(2):
        answer = await client.post(f"/p/{payment_id}/answer", {"how": "file"})
        content = b"".join([piece async for piece in answer])
        assert (answer.status_code, content) == (200, ANSWER)
    assert answer["Content-Disposition"] == f'attachment; filename="answer-{payment_id}.json"'
    assert "sandbox" in answer["Content-Security-Policy"]
    assert (await site.held(payment_id)).collected
    shown = await client.post(f"/p/{payment_id}/answer", {"how": "show"})
    assert '"celsius": 14' in shown.content.decode().replace("&quot;", '"')
    assert "default-src 'none'" in shown["Content-Security-Policy"]


async def test_a_sellers_markup_is_text_on_our_page(site: Purchases) -> None:
    payment_id = await site.claim(payer=MINE)
    await site.answer(payment_id, b"<script>alert(1)</script>")
    await site.settle(payment_id)
    client = await signed_in(MINE)
    shown = await client.post(f"/p/{payment_id}/answer", {"how": "show"})
    assert b"<script>alert" not in shown.content


async def test_nobody_else_fetches_it(site: Purchases) -> None:
    """Not signed in with another wallet, nor on another chain's contract, nor by a cookie alone."""
    payment_id = await site.final(payer=MINE)
    address = f"/p/{payment_id}/answer"
    elsewhere = await signed_in(MINE, network="eip155:8453")
    for client in (AsyncClient(), await signed_in(OTHER), elsewhere):
        refused = await client.post(address, {"how": "file"})
        assert refused.status_code == 404
        assert ANSWER not in refused.content
    await sync_to_async(Wallet.objects.all().delete)()
    await sync_to_async(User.objects.all().delete)()
    mine = await signed_in(MINE, checks=True)
    assert (await mine.post(address, {"how": "file"})).status_code == 403
    by_cookie = await mine.get(address)
    assert by_cookie.status_code == 401
    assert not (await site.held(payment_id)).collected
