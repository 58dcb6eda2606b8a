"""Receipts: what they say, when, and that nobody else could have written them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.canonical import NotCanonical, canonical
from payments.receipts import issuing
from payments.receipts.checks import what_it_says
from payments.receipts.issuing import VerifiedReceipt, verify
from payments.receipts.signing import (
    BadKey,
    BadSignature,
    Signer,
    did_document,
    did_document_url,
    did_web,
    generate_pem,
    public_key_from_pem,
)
from tests.fixtures.purchases import ANSWER, NETWORK, SITE, USDC, Purchases


def read(jws: str, signer: Signer) -> VerifiedReceipt:
    return verify(jws, did_document(signer.public_key, signer.did))


async def test_it_names_everything_that_was_paid_and_bought(purchases: Purchases) -> None:
    payment_id = await purchases.final()
    held = await purchases.held(payment_id)
    (jws,) = await purchases.receipts(payment_id)
    said = read(jws, purchases.signer).statement
    assert said["status"] == "final"
    assert said["payment"] == str(payment_id)
    assert said["receiptVersion"] == held.version
    assert (said["network"], said["payer"], said["payTo"]) == (NETWORK, held.payer, held.pay_to)
    assert said["token"] == {"address": USDC, "symbol": "USDC", "decimals": 6}
    assert said["amount"] == "2000"
    assert said["nonce"] == "0x" + held.nonce.hex()
    assert held.transaction is not None
    assert said["transaction"] == "0x" + held.transaction.hex()
    assert said["listing"]["path"] == "meteo/weather-now"
    assert said["request"]["hash"] == "sha256:" + held.fingerprint.hex()
    assert said["response"]["hash"] == "sha256:" + hashlib.sha256(ANSWER).hexdigest()
    assert said["response"]["bytes"] == len(ANSWER)
    answered = datetime.fromisoformat(said["times"]["answered"]).date()
    assert said["response"]["keptUntil"] == str(answered + timedelta(days=7 + 1))
    assert list(said["times"]) == ["answered", "claimed", "confirmed", "settled"]
    assert sorted(said["times"].values()) == [
        said["times"][name] for name in ("claimed", "answered", "settled", "confirmed")
    ]


async def test_what_was_paid_before_it_was_answered_says_when_it_was_paid(
    purchases: Purchases,
) -> None:
    """The answer's step says what its money is, too."""
    payment_id = await purchases.claim(purchase={"release": "upfront"})
    await purchases.settle(payment_id)
    second = int(time.time())
    while int(time.time()) == second:
        await asyncio.sleep(0.01)
    await purchases.answer(payment_id)
    await purchases.confirm(payment_id)

    (jws,) = await purchases.receipts(payment_id)

    times = read(jws, purchases.signer).statement["times"]
    assert times["claimed"] <= times["settled"] < times["answered"] <= times["confirmed"]


async def test_it_keeps_the_buyers_question_to_itself(purchases: Purchases) -> None:
    (jws,) = await purchases.receipts(await purchases.final())
    receipt = read(jws, purchases.signer)
    assert "Paris" not in json.dumps(receipt.statement)
    assert receipt.statement["resourceUrl"] == f"{SITE}/call/meteo/weather-now"


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("meteo/weather-now", f"{SITE}/call/meteo/weather-now"),
        ("call/call", f"{SITE}/call/call/call"),
        ("/preview/" + "a" * 43, f"{SITE}/preview/{'a' * 43}"),
    ],
)
async def test_it_names_the_listing_s_address_as_its_signed_offer_does(
    purchases: Purchases, path: str, address: str
) -> None:
    url = f"{address}/New%20York/call/call?city=Paris"
    payment = await purchases.final(purchase={"listing_path": path, "url": url})
    (jws,) = await purchases.receipts(payment)
    receipt = read(jws, purchases.signer)
    assert receipt.statement["resourceUrl"] == address
    assert receipt.is_of_request(url, b"")


async def test_it_proves_the_request_to_whoever_knows_it(purchases: Purchases) -> None:
    (jws,) = await purchases.receipts(await purchases.final())
    receipt = read(jws, purchases.signer)
    assert receipt.is_of_request(f"{SITE}/call/meteo/weather-now?city=Paris", b"")
    assert not receipt.is_of_request(f"{SITE}/call/meteo/weather-now?city=Rome", b"")
    assert not receipt.is_of_request(f"{SITE}/call/meteo/weather-now?city=Paris", b"{}")


async def test_it_proves_the_answer_to_whoever_has_it(purchases: Purchases) -> None:
    (jws,) = await purchases.receipts(await purchases.final())
    receipt = read(jws, purchases.signer)
    assert receipt.is_of_answer(ANSWER)
    assert not receipt.is_of_answer(ANSWER + b" ")


async def test_one_from_before_it_said_how_long_the_answer_is_kept_still_holds(
    purchases: Purchases,
) -> None:
    (jws,) = await purchases.receipts(await purchases.final())
    statement = dict(read(jws, purchases.signer).statement)
    statement["response"] = {
        name: value for name, value in statement["response"].items() if name != "keptUntil"
    }
    older = read(purchases.signer.sign(statement, issuing.KIND), purchases.signer)
    assert older.is_of_answer(ANSWER)
    assert what_it_says(older).passed


async def test_it_claims_no_more_depth_than_was_seen(purchases: Purchases) -> None:
    payment_id = await purchases.claim()
    await purchases.answer(payment_id)
    await purchases.settle(payment_id, block_number=1_000)
    await purchases.confirm(payment_id, head_number=1_011)
    (jws,) = await purchases.receipts(payment_id)
    assert read(jws, purchases.signer).statement["block"]["confirmations"] == 12


async def test_it_says_no_depth_when_the_last_head_seen_lies_below_the_block(
    purchases: Purchases,
) -> None:
    payment_id = await purchases.claim()
    await purchases.answer(payment_id)
    await purchases.settle(payment_id, block_number=1_000)
    await purchases.confirm(payment_id, head_number=999)
    (jws,) = await purchases.receipts(payment_id)
    assert "confirmations" not in read(jws, purchases.signer).statement["block"]


async def test_nothing_is_receipted_before_it_is_deep_enough(purchases: Purchases) -> None:
    payment_id = await purchases.claim()
    await purchases.answer(payment_id)
    await purchases.settle(payment_id)
    with pytest.raises(issuing.NothingToReceipt):
        async with purchases.pool.connection() as connection:
            await issuing.issue(connection, [payment_id], purchases.signer)
    assert await purchases.receipts(payment_id) == []


async def test_a_deep_reorg_writes_a_receipt_that_takes_the_first_one_back(
    purchases: Purchases,
) -> None:
    payment_id = await purchases.final()
    await purchases.uproot(payment_id)
    first, second = [read(jws, purchases.signer) for jws in await purchases.receipts(payment_id)]
    assert first.says_paid
    assert not second.says_paid
    assert second.status == "reversed"
    assert second.statement["supersedes"] == first.statement["receiptVersion"]
    assert second.statement["transaction"] == ""
    assert "block" not in second.statement
    assert "settled" not in second.statement["times"]


async def test_money_without_an_answer_is_receipted_as_a_refund_due(purchases: Purchases) -> None:
    payment_id = await purchases.claim()
    await purchases.void(payment_id)
    await purchases.settle(payment_id)
    await purchases.confirm(payment_id)
    (jws,) = await purchases.receipts(payment_id)
    receipt = read(jws, purchases.signer)
    assert receipt.status == "paid without an answer: refund due"
    assert "response" not in receipt.statement
    assert not receipt.is_of_answer(b"")


async def test_a_payment_still_at_the_seller_can_be_receipted_as_paid(
    purchases: Purchases,
) -> None:
    payment_id = await purchases.claim(purchase={"release": "upfront"})
    await purchases.settle(payment_id)
    await purchases.confirm(payment_id)
    (jws,) = await purchases.receipts(payment_id)
    receipt = read(jws, purchases.signer)
    assert (receipt.status, receipt.says_paid) == ("paid", True)


async def test_many_are_written_at_once(purchases: Purchases) -> None:
    ids = [await purchases.claim() for _ in range(3)]
    for payment_id in ids:
        await purchases.answer(payment_id)
        await purchases.settle(payment_id)
        await purchases.confirm(payment_id)
    for payment_id in ids:
        await purchases.uproot(payment_id)
    for payment_id in ids:
        assert len(await purchases.receipts(payment_id)) == 2


async def test_no_receipt_is_ever_changed(purchases: Purchases) -> None:
    payment_id = await purchases.final()
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        async with purchases.pool.connection() as connection:
            await connection.execute(
                "update payments_receipt set jws = 'x' where payment_id = %s", (payment_id,)
            )


async def test_another_sites_key_does_not_fit(purchases: Purchases) -> None:
    (jws,) = await purchases.receipts(await purchases.final())
    stranger = Signer.from_pem(generate_pem(), purchases.signer.did)
    with pytest.raises(BadSignature, match="does not fit"):
        read(jws, stranger)


async def test_another_sites_document_is_refused(purchases: Purchases) -> None:
    (jws,) = await purchases.receipts(await purchases.final())
    with pytest.raises(BadSignature, match="not whose key"):
        verify(jws, did_document(purchases.signer.public_key, "did:web:other.example"))


async def test_one_changed_figure_breaks_the_signature(purchases: Purchases) -> None:
    (jws,) = await purchases.receipts(await purchases.final())
    head, body, signature = jws.split(".")
    document = json.loads(base64.urlsafe_b64decode(body + "==="))
    forged = canonical(document | {"amount": "2"})
    part = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    with pytest.raises(BadSignature, match="does not fit"):
        read(f"{head}.{part}.{signature}", purchases.signer)


@pytest.fixture
def signed(receipt_signer: Signer) -> str:
    return receipt_signer.sign({"payment": "p"}, issuing.KIND)


def test_every_cut_or_stretched_signature_is_refused(signed: str, receipt_signer: Signer) -> None:
    head, body, signature = signed.split(".")
    spoilt = [
        "",
        "..",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.{signature}==",
        f"{head}.{body}.{signature}.{signature}",
        f"{head}.{body}.",
        f"{head}..{signature}",
        f"{head}.{body}.{signature}ä",
        f"{body}.{head}.{signature}",
        signed + "A" * 70_000,
    ]
    for jws in spoilt:
        with pytest.raises(BadSignature):
            read(jws, receipt_signer)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"typ": "souk-offer"},
        {"kid": None},
        {"kid": "did:web:127.0.0.1%3A8402#key-2"},
        {"crit": ["exp"]},
    ],
)
def test_a_header_that_means_something_else_is_refused(
    signed: str, receipt_signer: Signer, header: dict[str, object]
) -> None:
    head, body, signature = signed.split(".")
    changed = json.loads(base64.urlsafe_b64decode(head + "===")) | header
    part = base64.urlsafe_b64encode(canonical(changed)).rstrip(b"=").decode()
    with pytest.raises(BadSignature):
        read(f"{part}.{body}.{signature}", receipt_signer)


def test_a_key_that_may_not_assert_is_refused(signed: str, receipt_signer: Signer) -> None:
    document = did_document(receipt_signer.public_key, receipt_signer.did)
    with pytest.raises(BadSignature, match="no Ed25519 key"):
        verify(signed, document | {"assertionMethod": []})


def test_a_site_is_named_with_its_port() -> None:
    assert did_web("http://127.0.0.1:8402") == "did:web:127.0.0.1%3A8402"
    assert did_web("https://souk.example") == "did:web:souk.example"


def test_a_sites_key_is_looked_for_where_did_web_says() -> None:
    assert did_document_url("did:web:souk.example") == "https://souk.example/.well-known/did.json"
    assert (
        did_document_url("did:web:127.0.0.1%3A8402") == "http://127.0.0.1:8402/.well-known/did.json"
    )
    assert did_document_url("did:web:localhost") == "http://localhost/.well-known/did.json"


@pytest.mark.parametrize(
    "did",
    ["", "did:web:", "did:key:z6Mk", "did:web:a.example:path", "did:web:a%2Fb", "did:web:u%40h"],
)
def test_a_name_that_is_no_site_leads_nowhere(did: str) -> None:
    with pytest.raises(BadSignature):
        did_document_url(did)


def test_only_an_ed25519_key_signs() -> None:
    for pem in ("", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(BadKey):
            Signer.from_pem(pem, "did:web:souk.example")
        with pytest.raises(BadKey):
            public_key_from_pem(pem)


# The examples of RFC 8785, sections 3.2.2 and 3.2.3, without their floats.
def test_canonical_json_is_that_of_rfc_8785() -> None:
    assert canonical({"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew",
                      "1": "One", "\U0001f600": "Emoji", "\x80": "Control", "\u00f6": "Latin"}) == (
        '{"\\r":"Carriage Return","1":"One","\x80":"Control","ö":"Latin","€":"Euro Sign",'
        '"😀":"Emoji","\ufb33":"Hebrew"}'.encode()
    )  # fmt: skip
    assert canonical({"literals": [None, True, False]}) == b'{"literals":[null,true,false]}'
    assert canonical('€$\x0f\nA\'B"\\\\"/') == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), "\ud800", {1: "x"}, b"bytes", object()])
def test_what_has_two_spellings_is_not_signed(value: object) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_canonical_json_means_the_same_and_is_stable(document: object) -> None:
    once = canonical(document)
    assert json.loads(once) == document
    assert canonical(json.loads(once)) == once


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_whatever_is_signed_is_read_back(document: dict[str, object]) -> None:
    signer = Signer.from_pem(generate_pem(), "did:web:souk.example")
    assert read(signer.sign(document, issuing.KIND), signer).statement == document
