"""The public face of a payment, and the answer that only its buyer can fetch."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings as django_settings
from django.test import AsyncClient, Client
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.counter import close_counter
from payments.database.pool import one
from payments.identifiers import TRIES_MAX, identifier_hash
from payments.ids import new_id
from payments.models import Progress
from payments.receipts.issuing import verify
from payments.serving.leaving import PIECE_BYTES
from payments.wallets.questions import Question
from tests.fixtures.purchases import ANSWER, NETWORK, USDC, Purchases, sql_url

# A checkout has collected no static files yet; the server says so when it starts.

NAME = "pay_0123456789abcdef"
MakePurchase = Callable[[Callable[[Purchases], Awaitable[Any]]], Any]


def status(client: Client, payment_id: UUID) -> Any:
    return client.get(f"/p/{payment_id}")


async def _answered(purchases: Purchases) -> UUID:
    payment_id = await purchases.claim()
    await purchases.answer(payment_id)
    return payment_id


async def _settled(purchases: Purchases) -> UUID:
    payment_id = await _answered(purchases)
    await purchases.settle(payment_id, block_number=1_000)
    await purchases.see_head(1_002)
    return payment_id


async def _voided(purchases: Purchases) -> UUID:
    payment_id = await purchases.claim()
    await purchases.void(payment_id)
    return payment_id


async def _uncollected(purchases: Purchases) -> UUID:
    payment_id = await _answered(purchases)
    await purchases.fail(payment_id)
    return payment_id


async def _paid_unanswered(purchases: Purchases) -> UUID:
    payment_id = await _voided(purchases)
    await purchases.settle(payment_id)
    return payment_id


async def _final(purchases: Purchases) -> UUID:
    return await purchases.final()


async def _open(purchases: Purchases) -> UUID:
    return await purchases.claim()


@pytest.mark.parametrize("make", [_voided, _uncollected])
def test_a_page_promises_no_receipt_where_nothing_was_charged(
    make_purchase: MakePurchase, client: Client, make: Any
) -> None:
    page = client.get(f"/p/{make_purchase(make)}", headers={"Accept": "text/html"}).content.decode()

    assert "There is no receipt: nothing was charged." in page
    assert "for the buyer only" not in page


@pytest.mark.parametrize(
    ("life", "key", "waits"),
    [
        (_open, "at_seller", True),
        (_answered, "ready", True),
        (_settled, "paid", False),
        (_final, "final", False),
        (_voided, "not_charged", False),
        (_uncollected, "uncollected", False),
        (_paid_unanswered, "paid_unanswered", False),
    ],
)
def test_a_payment_says_how_it_stands(
    client: Client,
    make_purchase: MakePurchase,
    life: Callable[[Purchases], Awaitable[UUID]],
    key: str,
    waits: bool,
) -> None:
    payment_id = make_purchase(life)
    answer = status(client, payment_id)
    assert answer.status_code == 200
    assert answer.json()["status"]["key"] == key
    assert answer.json()["steps"][-1]["status"] == key
    assert ("Retry-After" in answer.headers) is waits
    assert answer["Cache-Control"] == "no-store"
    page = client.get(f"/p/{payment_id}", headers={"Accept": "text/html"})
    assert answer.json()["status"]["text"] in page.content.decode()


@pytest.mark.parametrize("life", [_settled, _final, _paid_unanswered])
def test_what_was_paid_leads_to_a_refund_while_one_can_be_asked_for(
    client: Client,
    make_purchase: MakePurchase,
    settings: Any,
    life: Callable[[Purchases], Awaitable[UUID]],
) -> None:
    payment_id = make_purchase(life)
    links = status(client, payment_id).json()["links"]
    assert links["refund"] == f"{settings.PUBLIC_BASE_URL}/api/refunds"
    settings.DISPUTE_WINDOW_DAYS = 0
    assert "refund" not in status(client, payment_id).json()["links"]


@pytest.mark.parametrize("life", [_open, _answered, _voided, _uncollected])
def test_what_was_not_paid_leads_to_no_refund(
    client: Client, make_purchase: MakePurchase, life: Callable[[Purchases], Awaitable[UUID]]
) -> None:
    assert "refund" not in status(client, make_purchase(life)).json()["links"]


def test_pages_of_any_site_may_read_a_payment_and_its_receipt(
    client: Client, make_purchase: MakePurchase
) -> None:
    payment_id = make_purchase(_answered)
    for path in (f"/p/{payment_id}", f"/p/{payment_id}/receipt"):
        first = client.options(path)
        assert (first.status_code, first["Access-Control-Allow-Origin"]) == (204, "*"), path
        assert "GET" in first["Access-Control-Allow-Methods"]
        assert client.post(path).status_code == 405
        assert client.get(path)["Access-Control-Allow-Origin"] == "*"


def test_an_answer_on_trust_is_offered_while_its_money_moves(
    client: Client, make_purchase: MakePurchase
) -> None:
    payment_id = make_purchase(_answered)
    assert "answer" not in status(client, payment_id).json()["links"]
    Progress.objects.filter(pk=payment_id).update(on_trust=True)
    assert status(client, payment_id).json()["links"]["answer"].endswith("/answer")
    page = client.get(f"/p/{payment_id}", headers={"Accept": "text/html"})
    assert "PAYMENT-RESPONSE" in page.content.decode()


def test_a_settled_payment_shows_its_transaction_and_how_deep_it_lies(
    client: Client, make_purchase: MakePurchase
) -> None:
    said = status(client, make_purchase(_settled)).json()
    assert said["block"]["confirmations"] == 3
    assert said["links"]["explorer"] == f"https://sepolia.basescan.org/tx/{said['transaction']}"
    assert said["amount"]["text"] == "0.002 USDC"
    assert said["testnet"] is True


def test_nothing_that_belongs_to_the_buyer_is_public(
    client: Client, make_purchase: MakePurchase
) -> None:
    async def life(purchases: Purchases) -> tuple[UUID, bytes]:
        payment_id = await purchases.final(identifier_hash=identifier_hash(NAME))
        row = await one(
            purchases.pool, "select signature from payments_payment where id = %s", (payment_id,)
        )
        assert row is not None
        return payment_id, bytes(row[0])

    payment_id, signature = make_purchase(life)
    for path in (f"/p/{payment_id}", f"/p/{payment_id}/receipt?format=json"):
        for accept in ("application/json", "text/html"):
            shown = client.get(path, headers={"Accept": accept}).content.decode()
            assert ANSWER.decode() not in shown
            assert "celsius" not in shown
            assert "Paris" not in shown
            assert signature.hex() not in shown
            assert identifier_hash(NAME).hex() not in shown


@pytest.mark.parametrize(
    "name",
    ["nonsense", "0", str(new_id()), str(new_id()).upper(), new_id().hex, f"{{{new_id()}}}"],
    ids=["word", "zero", "id", "upper", "hex", "braces"],  # the same in every worker
)
@pytest.mark.parametrize("tail", ["", "/receipt"])
def test_an_unknown_payment_is_not_found(client: Client, db: None, name: str, tail: str) -> None:
    machine = client.get(f"/p/{name}{tail}")
    assert (machine.status_code, machine.json()["error"]) == (404, "unknown_payment")
    person = client.get(f"/p/{name}{tail}", headers={"Accept": "text/html"})
    assert person.status_code == 404
    assert b"No such payment" in person.content


def test_a_sellers_title_is_text_on_the_page(client: Client, make_purchase: MakePurchase) -> None:
    async def life(purchases: Purchases) -> UUID:
        return await purchases.claim(purchase={"title": "<script>alert(1)</script>"})

    page = client.get(f"/p/{make_purchase(life)}", headers={"Accept": "text/html"}).content
    assert b"<script>" not in page
    assert b"&lt;script&gt;" in page


def test_the_page_runs_only_our_scripts_and_styles(
    client: Client, make_purchase: MakePurchase
) -> None:
    page = client.get(f"/p/{make_purchase(_final)}", headers={"Accept": "text/html"})
    assert re.findall(rb"<script(?! (?:type=\"module\" )?src=\"/static/)", page.content) == []
    assert b"style=" not in page.content
    assert "default-src 'none'" in page["Content-Security-Policy"]


def test_a_page_that_may_change_waits_for_it(client: Client, make_purchase: MakePurchase) -> None:
    """And one that is final does not."""

    async def claimed(purchases: Purchases) -> UUID:
        return await purchases.claim()

    person = {"Accept": "text/html"}
    waiting = client.get(f"/p/{make_purchase(claimed)}", headers=person).content.decode()
    assert "hx-sse:connect" in waiting
    final = make_purchase(_final)
    assert "hx-sse:connect" not in client.get(f"/p/{final}", headers=person).content.decode()
    part = client.get(f"/p/{final}", headers=person | {"HX-Request": "true"}).content.decode()
    assert part.startswith('<div id="payment"')


def test_only_reading_is_allowed(client: Client, db: None) -> None:
    for tail in ("", "/receipt"):
        assert client.post(f"/p/{new_id()}{tail}").status_code == 405
    assert client.post("/.well-known/did.json").status_code == 405


def test_the_receipt_checks_against_the_sites_own_document(
    client: Client, make_purchase: MakePurchase, site_key: None
) -> None:
    payment_id = make_purchase(_final)
    answer = client.get(f"/p/{payment_id}/receipt")
    assert answer["Content-Type"] == "application/jose"
    receipt = verify(answer.content.decode(), client.get("/.well-known/did.json").json())
    assert receipt.payment_id == str(payment_id)
    shown = client.get(f"/p/{payment_id}/receipt?format=json").json()
    assert shown == receipt.statement


def test_the_receipt_that_holds_is_the_latest(client: Client, make_purchase: MakePurchase) -> None:
    async def life(purchases: Purchases) -> UUID:
        payment_id = await purchases.final()
        await purchases.uproot(payment_id)
        return payment_id

    shown = client.get(f"/p/{make_purchase(life)}/receipt?format=json").json()
    assert shown["status"] == "reversed"


def test_there_is_no_receipt_before_the_money_is_deep_enough(
    client: Client, make_purchase: MakePurchase
) -> None:
    answer = client.get(f"/p/{make_purchase(_settled)}/receipt")
    assert (answer.status_code, answer.json()["error"]) == (404, "no_receipt")
    assert "Retry-After" in answer.headers


# The answer ---------------------------------------------------------------------------------------


@pytest.fixture
def site_key(settings: Any, receipt_signer: Any) -> None:
    settings.RECEIPT_PUBLIC_KEY = receipt_signer.public_key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.fixture
async def site(purchases: Purchases, settings: Any) -> AsyncIterator[AsyncClient]:
    """The site as its own process, apart from the door."""
    settings.DATABASE_URL = sql_url()
    yield AsyncClient()
    await close_counter()


@pytest.fixture
def buyer() -> LocalAccount:
    account: LocalAccount = Account.create()
    return account


async def fetch(site: AsyncClient, payment_id: UUID, **headers: str) -> Any:
    return await site.get(f"/p/{payment_id}/answer", headers=headers)


async def body_of(answer: Any) -> bytes:
    return b"".join([piece async for piece in answer])


def sign(question: dict[str, Any], buyer: LocalAccount, address: str = "") -> str:
    address = address or buyer.address
    info, chain = question["info"], question["supportedChains"][0]
    issued = int(info["nonce"][:8], 16)
    text = Question(info["uri"], chain["chainId"], info["nonce"], issued).text(address)
    signature = buyer.sign_message(encode_defunct(text=text)).signature.hex()
    fields = {**info, **chain, "address": address, "signature": f"0x{signature}"}
    return base64.b64encode(json.dumps(fields).encode()).decode()


async def test_the_identifier_from_the_payment_fetches_the_answer(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.final(identifier_hash=identifier_hash(NAME))
    for _ in range(2):
        answer = await fetch(site, payment_id, **{"X-Payment-Identifier": NAME})
        assert (answer.status_code, await body_of(answer)) == (200, ANSWER)
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Region"] == "eu"
    assert (await purchases.held(payment_id)).collected


async def test_an_answer_counts_as_collected_when_all_of_it_has_left(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.claim(identifier_hash=identifier_hash(NAME))
    body = os.urandom(3 * PIECE_BYTES)
    await purchases.answer(payment_id, body)
    await purchases.settle(payment_id, block_number=1_000)
    broken_off, whole = [
        await fetch(site, payment_id, **{"X-Payment-Identifier": NAME}) for _ in range(2)
    ]

    pieces = aiter(broken_off)
    assert await anext(pieces) + await anext(pieces) + await anext(pieces) == body
    assert not (await purchases.held(payment_id)).collected

    assert await body_of(whole) == body
    assert (await purchases.held(payment_id)).collected


async def test_the_payers_wallet_fetches_the_answer(
    site: AsyncClient, purchases: Purchases, buyer: LocalAccount
) -> None:
    payment_id = await purchases.final(payer=buyer.address)
    refused = await fetch(site, payment_id)
    assert refused.status_code == 401
    question = refused.json()["extensions"]["sign-in-with-x"]
    proof = sign(question, buyer)
    answer = await fetch(site, payment_id, **{"SIGN-IN-WITH-X": proof})
    assert (answer.status_code, await body_of(answer)) == (200, ANSWER)
    again = await fetch(site, payment_id, **{"SIGN-IN-WITH-X": proof})
    assert (again.status_code, again.json()["error"]) == (401, "invalid_siwx_nonce")


async def test_a_stranger_is_told_how_to_prove_and_gets_nothing(
    site: AsyncClient, purchases: Purchases, buyer: LocalAccount
) -> None:
    payment_id = await purchases.final(identifier_hash=identifier_hash(NAME))
    refused = await fetch(site, payment_id)
    assert refused["WWW-Authenticate"].startswith("SIGN-IN-WITH-X")
    assert refused.json()["error"] == "proof_required"
    info = refused.json()["extensions"]["sign-in-with-x"]["info"]
    assert info["uri"] == f"{django_settings.PUBLIC_BASE_URL}/p/{payment_id}/answer"
    proof = sign(refused.json()["extensions"]["sign-in-with-x"], buyer)
    strange = await fetch(site, payment_id, **{"SIGN-IN-WITH-X": proof})
    assert (strange.status_code, strange.json()["error"]) == (401, "invalid_siwx_signature")
    assert ANSWER not in refused.content + strange.content
    assert not (await purchases.held(payment_id)).collected


async def test_the_payments_own_signature_unlocks_nothing(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.final()
    answer = await fetch(site, payment_id, **{"PAYMENT-SIGNATURE": "e30="})
    assert answer.status_code == 401


async def test_after_five_wrong_identifiers_only_the_wallet_counts(
    site: AsyncClient, purchases: Purchases, buyer: LocalAccount
) -> None:
    payment_id = await purchases.final(payer=buyer.address, identifier_hash=identifier_hash(NAME))
    for guess in range(TRIES_MAX):
        wrong = await fetch(site, payment_id, **{"X-Payment-Identifier": f"guess_{guess}_01234567"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "wrong_identifier")
    right = await fetch(site, payment_id, **{"X-Payment-Identifier": NAME})
    assert right.status_code == 401
    proof = sign(right.json()["extensions"]["sign-in-with-x"], buyer)
    fetched = await fetch(site, payment_id, **{"SIGN-IN-WITH-X": proof})
    assert await body_of(fetched) == ANSWER


@pytest.mark.parametrize(
    ("life", "status", "error"),
    [
        (_open, 503, "answer_pending"),
        (_answered, 503, "answer_pending"),
        (_voided, 409, "no_answer"),
        (_uncollected, 409, "no_answer"),
        (_paid_unanswered, 409, "no_answer"),
    ],
)
async def test_without_paid_work_there_is_nothing_to_fetch(
    site: AsyncClient,
    purchases: Purchases,
    life: Callable[[Purchases], Awaitable[UUID]],
    status: int,
    error: str,
) -> None:
    answer = await fetch(site, await life(purchases))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("Retry-After" in answer.headers) is (status == 503)
    assert ANSWER not in answer.content


async def test_an_expired_answer_is_gone_and_its_hash_stays(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.final(identifier_hash=identifier_hash(NAME))
    async with purchases.pool.connection() as connection:
        await connection.execute(
            "delete from payments_answerbody where payment_id = %s", (payment_id,)
        )
    answer = await fetch(site, payment_id, **{"X-Payment-Identifier": NAME})
    assert (answer.status_code, answer.json()["error"]) == (410, "answer_expired")
    assert answer.json()["hash"] == "sha256:" + hashlib.sha256(ANSWER).hexdigest()


async def test_a_sellers_bytes_never_act_on_our_origin(
    site: AsyncClient, purchases: Purchases
) -> None:
    payment_id = await purchases.final(identifier_hash=identifier_hash(NAME))
    given = await fetch(site, payment_id, **{"X-Payment-Identifier": NAME})
    refused = await fetch(site, payment_id)
    for answer in (given, refused):
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "no-store"
        assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    embedded = await fetch(
        site, payment_id, **{"X-Payment-Identifier": NAME, "Sec-Fetch-Dest": "script"}
    )
    assert embedded.status_code == 403


async def test_a_browser_elsewhere_may_ask_first(site: AsyncClient) -> None:
    answer = await site.options(f"/p/{new_id()}/answer")
    assert answer.status_code == 204
    assert "SIGN-IN-WITH-X" in answer["Access-Control-Allow-Headers"]
    limits = await site.options(f"/api/limits/{NAME}")
    assert (limits.status_code, limits["Access-Control-Allow-Origin"]) == (204, "*")
    assert limits["Access-Control-Allow-Methods"] == "GET, OPTIONS"
    assert limits["Access-Control-Allow-Headers"] == "SIGN-IN-WITH-X"


async def test_a_page_elsewhere_reads_how_to_go_on(site: AsyncClient, purchases: Purchases) -> None:
    """Without its name being exposed, a browser keeps a header from the page that asked."""
    waiting, final = (
        await purchases.claim(),
        await purchases.final(identifier_hash=identifier_hash(NAME)),
    )

    def exposed(answer: Any) -> set[str]:
        assert answer["Access-Control-Allow-Origin"] == "*"
        return set(answer["Access-Control-Expose-Headers"].split(", "))

    for path in (f"/p/{waiting}", f"/p/{waiting}/receipt", f"/p/{waiting}/answer"):
        answer = await site.get(path)
        assert "Retry-After" in answer.headers
        assert "Retry-After" in exposed(answer)
    handed = await fetch(site, final, **{"X-Payment-Identifier": NAME})
    assert "X-Souk-Payment" in handed.headers
    assert "X-Souk-Payment" in exposed(handed)
    asked = await site.get(f"/p/{final}/answer")
    assert "WWW-Authenticate" in asked.headers
    assert "WWW-Authenticate" in exposed(asked)


@pytest.mark.parametrize("name", ["nonsense", str(new_id())], ids=["word", "id"])
async def test_an_unknown_payments_answer_is_not_found(site: AsyncClient, name: str) -> None:
    answer = await site.get(f"/p/{name}/answer")
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_payment")


@pytest.mark.parametrize("page", ["answer", "limits"])
async def test_proofs_that_ask_the_chain_are_counted_by_network(
    site: AsyncClient, purchases: Purchases, buyer: LocalAccount, settings: Any, page: str
) -> None:
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [USDC]}}
    settings.WALLET_PROOFS_PER_MINUTE, settings.PROXY_HOPS = 1, 1
    payment_id = await purchases.final(payer=buyer.address)
    path = f"/p/{payment_id}/answer" if page == "answer" else f"/api/limits/{buyer.address}"
    here, there = {"X-Forwarded-For": "81.2.69.142"}, {"X-Forwarded-For": "81.2.70.7"}

    async def show(forged: bool, origin: dict[str, str]) -> Any:
        question = (await site.get(path)).json()["extensions"]["sign-in-with-x"]
        signer: LocalAccount = Account.create() if forged else buyer
        proof = sign(question, signer, buyer.address)
        return await site.get(path, headers={**origin, "SIGN-IN-WITH-X": proof})

    assert (await show(True, here)).status_code == 401
    often = await show(True, here)
    assert (often.status_code, often.json()["error"]) == (429, "too_often")
    assert 1 <= int(often["Retry-After"]) <= 60
    assert (await show(True, there)).status_code == 401
    assert (await show(False, here)).status_code == 200, "a key of its own costs no question"


async def test_an_agent_reads_what_its_wallet_may_still_spend(
    site: AsyncClient, purchases: Purchases, buyer: LocalAccount, settings: Any
) -> None:
    """With the wallet's own proof, once; a stranger's opens nothing."""
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [USDC]}}
    address = f"/api/limits/{buyer.address.lower()}"
    await one(
        purchases.pool,
        "insert into payments_limit (payer, network, version, paused, day_max, allowed, blocked,"
        " name, changed_at) values (%s, '', 1, false, 2.5, '[]', '[\"acme\"]', 'Scout', now())"
        " returning 1",
        (buyer.address,),
    )
    group = new_id()
    await one(
        purchases.pool,
        "with opened as (insert into payments_limitgroup (id, owner, name, paused, hour_max,"
        " seller_day_max, allowed, blocked, changed_at)"
        " values (%s, 1, 'Agents', false, 1, 0.5, '[]', '[]', now()) returning id)"
        " update payments_limit set group_id = %s returning 1",
        (group, group),
    )
    day = f"{datetime.now(UTC):%Y%m%d}"
    for key, used in ((f"{buyer.address}:6:{day}", 400_000),
                      (f"group-{group}:6:{day}:seller:acme", 600_000)):  # fmt: skip
        await one(
            purchases.pool,
            "insert into payments_cap (key, used_atomic) values (%s, %s) returning 1",
            (f"spent:{key}", used),
        )
    refused = await site.get(address)
    assert refused.status_code == 401
    assert "2.5" not in refused.content.decode()
    question = refused.json()["extensions"]["sign-in-with-x"]
    stranger: LocalAccount = Account.create()
    strange = await site.get(address, headers={"SIGN-IN-WITH-X": sign(question, stranger)})
    assert strange.status_code == 401
    proof = sign(question, buyer)
    said = await site.get(address, headers={"SIGN-IN-WITH-X": proof})
    assert said.status_code == 200
    assert said.json()["perDay"]["left"] == "2.1"
    assert said.json()["blocked"] == ["acme"]
    assert said.json()["perHour"] is None
    shared = said.json()["group"]
    assert (shared["name"], shared["perHour"]["left"]) == ("Agents", "1")
    [at_seller] = shared["perSellerAndDay"]["spent"]
    assert (at_seller["seller"], at_seller["used"], at_seller["left"]) == ("acme", "0.6", "0")
    assert at_seller["resetsAt"] == said.json()["perDay"]["resetsAt"]
    again = await site.get(address, headers={"SIGN-IN-WITH-X": proof})
    assert again.json()["error"] == "invalid_siwx_nonce"
