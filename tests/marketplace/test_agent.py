"""The buyer's program: it signs what it was shown, pays once, and says what became of it."""

import base64
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account
from yarl import URL

from marketplace.agent.purchase import Bought, NotBought, Question, ask, pay, plain
from marketplace.agent.quotes import NoQuote, Quote, read_quote, read_quote_v1, readable, sign
from marketplace.agent.wallet import BadKey, Wallet
from marketplace.management.commands.buy import read_question
from marketplace.management.shopping import Trip, by_when
from payments.egress import open_trusted_client
from payments.x402 import v1
from payments.x402.headers import decode_payment
from payments.x402.schemes import exact_eip3009
from tests.fixtures.cast import Cast
from tests.fixtures.upstream import Behaviour, ScriptedUpstream, answer, cut

OFFER = {
    "scheme": "exact",
    "network": "eip155:84532",
    "amount": "2000",
    "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    "payTo": Cast.seller.address,
    "maxTimeoutSeconds": 300,
    "extra": {"name": "USDC", "version": "2"},
}
NOW = 1_800_000_000


def header(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def challenge(*offers: Any, **more: Any) -> str:
    resource = {"url": "http://market.example/call/a/b"}
    return header({"x402Version": 2, "resource": resource, "accepts": offers or [OFFER], **more})


def priced(**more: Any) -> Behaviour:
    return answer(b"{}", status=402, headers=(("PAYMENT-REQUIRED", challenge(**more)),))


@pytest.fixture
def wallet() -> Wallet:
    return Wallet.of(Cast.buyer.private_key)


def test_a_wallet_is_the_one_that_other_programs_see(wallet):
    assert wallet.address == Account.from_key(Cast.buyer.private_key).address
    assert Cast.buyer.private_key.removeprefix("0x") not in repr(wallet)


@pytest.mark.parametrize("text", ["", "0x12", "g" * 64, "0" * 64, "f" * 64])
def test_what_is_no_key_is_refused_without_repeating_it(text):
    with pytest.raises(BadKey) as refused:
        Wallet.of(text)
    assert not text or text not in str(refused.value)


def test_what_it_signs_is_the_offer_and_its_own_signature(wallet):
    quote = read_quote(challenge())
    payment = sign(quote, quote.offers[0], wallet, now=NOW)
    read = exact_eip3009.parse(decode_payment(payment.header))
    assert (read.payer, read.pay_to) == (Cast.buyer.address, Cast.seller.address)
    assert (read.amount_atomic, read.valid_before) == (2000, NOW + 300)
    assert exact_eip3009.signed_by_payer(read, quote.offers[0].requirements, 84532)


def test_two_payments_are_two_promises(wallet):
    quote = read_quote(challenge())
    first, second = (sign(quote, quote.offers[0], wallet, now=NOW) for _ in range(2))
    assert first.authorization.nonce != second.authorization.nonce


def test_an_identifier_is_given_where_the_seller_knows_what_to_do_with_it(wallet):
    without = read_quote(challenge())
    offered = read_quote(challenge(extensions={"payment-identifier": {"info": {}}}))
    silent, named = (
        decode_payment(sign(quote, quote.offers[0], wallet, now=NOW).header)
        for quote in (without, offered)
    )
    assert silent.payment_identifier is None
    assert named.payment_identifier is not None


def test_the_cheapest_offer_comes_first():
    dear = {**OFFER, "amount": "3000"}
    assert [offer.dollars for offer in read_quote(challenge(dear, OFFER)).offers] == [
        Decimal("0.002"),
        Decimal("0.003"),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"scheme": "upto"},
        {"network": "solana:1"},
        {"asset": "0x" + "11" * 20},
        {"amount": "1.5"},
        {"payTo": "nobody"},
        {"maxTimeoutSeconds": 0},
        {"maxTimeoutSeconds": -5},
        {"extra": {}},
        {"extra": None},
    ],
)
def test_an_offer_it_cannot_judge_is_left_out(changed):
    assert len(read_quote(challenge({**OFFER, **changed}, OFFER)).offers) == 1


@pytest.mark.parametrize(
    "written",
    [
        "",
        "%",
        base64.b64encode(b"{").decode(),
        header([]),
        header({"x402Version": 2}),
        header({"x402Version": 1, "accepts": []}),
        "A" * 70_000,
    ],
)
def test_what_is_no_challenge_is_no_quote(written):
    with pytest.raises(NoQuote):
        read_quote(written)


# Version 1 ---------------------------------------------------------------------------------------

OLD_OFFER = {
    "scheme": "exact",
    "network": "base-sepolia",
    "maxAmountRequired": "2000",
    "resource": "http://market.example/call/a/b?x402Version=1",
    "description": "",
    "mimeType": "application/json",
    "payTo": Cast.seller.address,
    "maxTimeoutSeconds": 300,
    "asset": OFFER["asset"],
    "extra": {"name": "USDC", "version": "2"},
}


def old_challenge(*offers: Any, **more: Any) -> bytes:
    return json.dumps({"x402Version": 1, "accepts": offers or [OLD_OFFER], **more}).encode()


def test_in_version_1_it_signs_the_same_with_the_window_of_old_clients(wallet):
    quote = read_quote_v1(old_challenge())
    payment = sign(quote, quote.offers[0], wallet, now=NOW)
    decoded = v1.decode_payment(payment.header)
    read = exact_eip3009.parse(decoded.accepting(quote.offers[0].requirements))
    assert (payment.header_name, decoded.network) == ("X-PAYMENT", "eip155:84532")
    assert (read.amount_atomic, read.pay_to) == (2000, Cast.seller.address)
    assert (read.valid_after, read.valid_before) == (NOW - 600, NOW + 300)
    assert exact_eip3009.signed_by_payer(read, quote.offers[0].requirements, 84532)


@pytest.mark.parametrize(
    "changed", [{"network": "anvil"}, {"network": 1}, {"maxAmountRequired": 2000}, {"extra": None}]
)
def test_an_old_offer_it_cannot_judge_is_left_out(changed):
    assert len(read_quote_v1(old_challenge({**OLD_OFFER, **changed}, OLD_OFFER, 7)).offers) == 1


@pytest.mark.parametrize(
    "written", [b"", b"<html>", b"[]", b'{"x402Version":1}', b'{"accepts":[]}']
)
def test_what_is_no_old_challenge_is_no_quote(written):
    with pytest.raises(NoQuote):
        read_quote_v1(written)


async def test_it_asks_and_pays_in_version_1(upstream, wallet, tmp_path):
    proof = header({"success": True, "transaction": "0x12", "network": "base-sepolia"})
    upstream.script(
        answer(old_challenge(), status=402),
        answer(b'{"fine": 1}', headers=(("X-PAYMENT-RESPONSE", proof),)),
    )
    said: list[str] = []
    asked = replace(question(upstream), version=1)
    await replace(trip(upstream, wallet, tmp_path, said), question=asked).make()
    assert [call.header("X-PAYMENT") is None for call in upstream.calls] == [True, False]
    assert payments(upstream) == [None, None]
    assert "transaction 0x12" in "\n".join(said)


def test_a_person_is_shown_the_old_price_without_its_schemas():
    described = {**OLD_OFFER, "outputSchema": {"input": {"type": "http"}}}
    shown = json.loads(readable(read_quote_v1(old_challenge(described, 7)).document))
    assert shown["accepts"] == [{**OLD_OFFER, "outputSchema": "…"}, 7]


async def test_a_payment_refused_in_version_1_says_why(upstream, wallet, tmp_path):
    refused = answer(old_challenge(error="insufficient"), status=402)
    upstream.script(answer(old_challenge(), status=402), refused)
    asked = replace(question(upstream), version=1)
    with pytest.raises(NotBought, match="refused: insufficient"):
        await replace(trip(upstream, wallet, tmp_path, []), question=asked).make()


def test_the_flag_asks_at_the_old_address():
    options = {"json_body": None, "data": None, "method": "", "v1": True}
    asked = read_question({**options, "url": "http://market.example/call/a/b?city=S%C3%A3o%20P"})
    assert (asked.version, dict(asked.url.query)) == (1, {"city": "São P", "x402Version": "1"})
    plainly = read_question({**options, "url": "http://market.example/call/a/b", "v1": False})
    assert (plainly.version, plainly.url.query_string) == (2, "")


def question(upstream: ScriptedUpstream) -> Question:
    return Question("GET", URL(f"{upstream.url}/call/a/b?q=1"))


async def quoted(upstream: ScriptedUpstream) -> Quote:
    async with open_trusted_client(upstream.url) as client:
        quote = await ask(client, question(upstream))
    assert isinstance(quote, Quote)
    return quote


async def bought(upstream: ScriptedUpstream, wallet: Wallet, *behaviours: Behaviour) -> Bought:
    upstream.script(priced(), *behaviours)
    quote = await quoted(upstream)
    payment = sign(quote, quote.offers[0], wallet, now=4_000_000_000)
    async with open_trusted_client(upstream.url) as client:
        return await pay(client, question(upstream), payment, lambda words: None)


def payments(upstream: ScriptedUpstream) -> list[str | None]:
    return [call.header("PAYMENT-SIGNATURE") for call in upstream.calls]


PENDING = answer(b'{"error": "settlement_pending"}', status=503, headers=(("Retry-After", "0"),))


@pytest.mark.parametrize(
    "first",
    [
        PENDING,
        answer(b"{}", status=409, headers=(("Retry-After", "0"),)),
        answer(b'{"error": "in_flight"}', status=409, headers=(("Retry-After", "0"),)),
    ],
)
async def test_an_open_outcome_is_asked_for_again_with_the_same_payment(upstream, wallet, first):
    had = await bought(upstream, wallet, first, first, answer(b'{"fine": 1}'))
    assert had.reply.body == b'{"fine": 1}'
    unpaid, *paid = payments(upstream)
    assert unpaid is None
    assert len(paid) == 3
    assert len(set(paid)) == 1


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        ("other_request", (("Retry-After", "0"),)),
        ("refund_due", (("Retry-After", "0"),)),
        ("window_too_short", ()),
    ],
)
async def test_a_last_word_is_told_at_once(upstream, wallet, error, headers):
    refused = answer(b'{"error": "%s"}' % error.encode(), status=409, headers=headers)
    with pytest.raises(NotBought, match=f"No answer: {error}"):
        await bought(upstream, wallet, refused)
    assert len(upstream.calls) == 2


async def test_a_lost_answer_is_asked_for_again_with_the_same_payment(
    upstream, wallet, monkeypatch
):
    monkeypatch.setattr("marketplace.agent.purchase.RETRY_SECONDS", 0)
    had = await bought(upstream, wallet, cut(), answer(b'{"fine": 1}'))
    assert had.reply.status == 200
    assert len(set(payments(upstream)[1:])) == 1


async def test_patience_ends_without_calling_it_a_failure(upstream, wallet, monkeypatch):
    monkeypatch.setattr("marketplace.agent.purchase.PATIENCE_SECONDS", -1)
    with pytest.raises(NotBought, match="not known yet what becomes of the payment"):
        await bought(upstream, wallet, PENDING)


async def test_a_refused_payment_says_why_and_is_not_sent_again(upstream, wallet):
    with pytest.raises(NotBought, match="refused: invalid_exact_evm_insufficient_balance"):
        await bought(upstream, wallet, priced(error="invalid_exact_evm_insufficient_balance"))
    assert len(upstream.calls) == 2


async def test_a_failed_upstream_says_that_nothing_was_charged(upstream, wallet):
    failed = answer(
        b'{"error": "upstream_failed"}',
        status=502,
        headers=(("X-Payment-Charged", "no; reason=status_500"), ("X-Souk-Payment", "the-id")),
    )
    with pytest.raises(NotBought, match=r"Charged: no; reason=status_500\. \(payment the-id\)"):
        await bought(upstream, wallet, failed)


async def test_an_answer_that_costs_nothing_is_not_paid_for(upstream, wallet, tmp_path):
    upstream.script(answer(b'{"free": true}'))
    said: list[str] = []
    await trip(upstream, wallet, tmp_path, said).make()
    assert payments(upstream) == [None]
    assert "it is free" in "\n".join(said)


def trip(upstream: ScriptedUpstream, wallet: Wallet, folder: Any, said: list[str]) -> Trip:
    return Trip(
        question(upstream),
        max_dollars=Decimal("0.002"),
        wallet=wallet,
        rpc_url="",
        answers=folder / "bought",
        say=said.append,
    )


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (300, 300),
        (3_600, 3_600),
        (10**9, 3_600),
        (10**30, 3_600),
        ("9", 60),
        (True, 60),
        (None, 60),
    ],
)
def test_a_signature_lasts_no_longer_than_is_sensible(wallet, asked, seconds):
    quote = read_quote(challenge({**OFFER, "maxTimeoutSeconds": asked}))
    payment = sign(quote, quote.offers[0], wallet, now=NOW)
    assert payment.authorization.valid_before == NOW + seconds
    accepted = json.loads(base64.b64decode(payment.header))["accepted"]
    assert accepted["maxTimeoutSeconds"] == asked, "the seller wants its own words back"


async def test_an_absurd_time_is_signed_for_an_hour_and_said(upstream, wallet, tmp_path):
    long = challenge({**OFFER, "maxTimeoutSeconds": 10**15})
    upstream.script(
        answer(b"{}", status=402, headers=(("PAYMENT-REQUIRED", long),)), answer(b'{"fine": 1}')
    )
    said: list[str] = []
    await trip(upstream, wallet, tmp_path, said).make()
    assert re.search(r"once, before (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC", "\n".join(said))


def test_a_moment_of_another_day_is_told_with_its_date():
    night = 1_800_000_000 // 86_400 * 86_400 + 86_000
    assert by_when(night + 300, night) == "23:58:20"
    assert by_when(night + 3_600, night) == "2027-01-16 00:53:20"


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("https://market.example/p/{payment_id}", "verify_receipt https://market.example/p/7/receipt"),
        ("https://market.example/$(id)/{payment_id}", "verify_receipt 'https://market.example/$(id)/7"),
        ("http://[::/p/{payment_id}", "keeps no receipts"),
        ("javascript:alert(1)", "keeps no receipts"),
    ],
)  # fmt: skip
async def test_a_receipt_at_another_host_is_named_and_not_fetched(
    upstream, wallet, tmp_path, page, told
):
    more = (("X-Souk-Payment", "7"),)
    upstream.script(priced(retry={"status_url": page}), answer(b'{"fine": 1}', headers=more))
    said: list[str] = []
    await trip(upstream, wallet, tmp_path, said).make()
    assert told in "\n".join(said)
    assert len(upstream.calls) == 2


async def test_what_is_too_dear_is_never_signed(upstream, wallet, tmp_path):
    dear = challenge({**OFFER, "amount": "2001"})
    upstream.script(answer(b"{}", status=402, headers=(("PAYMENT-REQUIRED", dear),)))
    with pytest.raises(NotBought, match=r"costs \$0\.002001, more than the \$0\.002 you allow"):
        await trip(upstream, wallet, tmp_path, []).make()
    assert payments(upstream) == [None]


async def test_exactly_what_is_allowed_is_paid(upstream, wallet, tmp_path):
    upstream.script(priced(), answer(b'{"fine": 1}'))
    await trip(upstream, wallet, tmp_path, []).make()
    assert len(upstream.calls) == 2


async def test_bytes_that_no_terminal_shows_are_saved(upstream, wallet, tmp_path):
    picture = b"\x89PNG\r\n\x1a\n\xff"
    upstream.script(priced(), answer(picture, content_type="image/png"))
    said: list[str] = []
    await trip(upstream, wallet, tmp_path, said).make()
    (file,) = (tmp_path / "bought").iterdir()
    assert file.read_bytes() == picture
    assert f"image/png, 9 bytes, saved to {file}" in "\n".join(said)


async def test_a_seller_cannot_command_the_terminal(upstream, wallet, tmp_path):
    upstream.script(priced(), answer(b"\x1b[2Jgone", content_type="text/plain"))
    said: list[str] = []
    await trip(upstream, wallet, tmp_path, said).make()
    assert "\x1b" not in "\n".join(said)
    assert "gone" in "\n".join(said)


def test_plain_text_keeps_its_lines_and_letters():
    assert plain("Ærø\n\t5 €\x9b\x07") == "Ærø\n\t5 €��"
