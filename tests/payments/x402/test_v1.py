"""Version 1 of x402: read as strictly as version 2, and written as old programs read it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from x402 import x402ClientSync
from x402.http.utils import encode_payment_signature_header
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.mechanisms.evm.exact.v1.client import ExactEvmSchemeV1
from x402.schemas import SettleResponse
from x402.schemas.v1 import PaymentPayloadV1, PaymentRequiredV1

from payments.x402 import headers, v1
from payments.x402.networks import DEFAULT_ASSETS, NETWORKS, chain_id_of
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.schemes import SCHEMES
from payments.x402.types import Authorization, Requirements, Settlement
from tests.payments.x402.cast import (
    CHAIN_ID,
    NOW,
    OFFER,
    USDC,
    Document,
    buyer,
    header_of,
    other_buyer,
    other_seller,
    payment_document,
    seller,
    signature_of,
    terms_of,
    with_change,
    without,
)

EXACT = SCHEMES["exact"]
TOKEN = next(asset for asset in DEFAULT_ASSETS if asset.address == USDC)
CHALLENGE = v1.Challenge(
    url="https://souk.example/call/ada/weather?x402Version=1",
    description="Weather, by city",
    mime_type="application/json",
    accepts=(OFFER,),
    error="Payment required",
)


def old_document(**changes: object) -> Document:
    """A payment for the offer as version 1 writes it, its terms changed and then signed."""
    terms = terms_of(validAfter=str(NOW - 600)) | changes
    return {
        "x402Version": 1,
        "scheme": "exact",
        "network": "base-sepolia",
        "payload": {"authorization": terms, "signature": signature_of(terms)},
    }


# Reading ------------------------------------------------------------------------------------------


def test_it_reads_a_payment():
    payment = v1.decode_payment(header_of(old_document()))
    assert (payment.scheme, payment.network) == ("exact", OFFER.network)
    assert (payment.pay_to, payment.amount_atomic) == (seller.address, 10_000)
    completed = payment.accepting(OFFER)
    assert (completed.version, completed.accepted, completed.resource_url) == (1, OFFER, None)
    assert completed.payment_identifier is None
    assert EXACT.parse(completed).valid_after == NOW - 600


NAMED = [asset for asset in DEFAULT_ASSETS if NETWORKS[asset.network].v1_name]


@pytest.mark.parametrize("account", [buyer, other_buyer], ids=["buyer", "other_buyer"])
@pytest.mark.parametrize("asset", NAMED, ids=lambda asset: asset.network + asset.symbol)
def test_the_official_clients_payment_is_taken(account, asset):
    offer = replace(
        OFFER,
        network=asset.network,
        asset=asset.address,
        extra={"name": asset.eip712_name, "version": asset.eip712_version},
    )
    quote = PaymentRequiredV1.model_validate(replace(CHALLENGE, accepts=(offer,)).to_wire())
    client = register_exact_evm_client(x402ClientSync(), account)
    # It has names for two chains that it does not register by itself.
    for name in ("ethereum", "flare"):
        client.register_v1(name, ExactEvmSchemeV1(account))

    written = client.create_payment_payload(quote)
    payment = v1.decode_payment(encode_payment_signature_header(written))

    assert payment.pays(offer)
    authorization = EXACT.parse(payment.accepting(offer))
    signed_at = authorization.valid_before - offer.max_timeout_seconds
    assert authorization.valid_after == signed_at - 600
    EXACT.check(authorization, offer, signed_at, 40)
    assert EXACT.signed_by_payer(authorization, offer, chain_id_of(offer.network))
    assert authorization.payer == account.address


def test_one_authorization_is_one_payment_in_either_version():
    new = payment_document()
    old = old_document() | {"payload": new["payload"]}
    presented = (
        headers.decode_payment(header_of(new)),
        v1.decode_payment(header_of(old)).accepting(OFFER),
    )
    first, second = (EXACT.parse(payment) for payment in presented)
    assert first == second
    assert EXACT.identity(CHAIN_ID, USDC, first) == EXACT.identity(CHAIN_ID, USDC, second)


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "upto"},
        {"network": "eip155:8453"},
        {"amount_atomic": 9_999},
        {"pay_to": other_seller.address},
    ],
    ids=lambda change: next(iter(change)),
)
def test_it_pays_for_what_its_own_signature_names(change):
    payment = v1.decode_payment(header_of(old_document()))
    assert payment.pays(OFFER)
    assert payment.pays(replace(OFFER, pay_to=OFFER.pay_to.lower()))
    assert not payment.pays(replace(OFFER, **change))


def test_what_it_would_be_for_is_never_an_offer():
    terms = v1.decode_payment(header_of(old_document())).terms(TOKEN)
    assert (terms.asset, terms.amount_atomic, terms.extra) == (USDC, 10_000, OFFER.extra)
    assert not headers.matches(OFFER, terms)


@pytest.mark.parametrize("version", [2, 3, 0, -1])
def test_another_version_is_refused_but_may_be_cured(version):
    with pytest.raises(PaymentRefused) as refusal:
        v1.decode_payment(header_of(old_document() | {"x402Version": version}))
    assert refusal.value.reason is Reason.UNSUPPORTED_VERSION
    assert not isinstance(refusal.value, Malformed)


@pytest.mark.parametrize("name", ["eip155:84532", "solana", "Base-Sepolia", "anvil", "", "base\n"])
def test_a_network_without_an_old_name_is_refused_but_may_be_cured(name):
    with pytest.raises(PaymentRefused) as refusal:
        v1.decode_payment(header_of(old_document() | {"network": name}))
    assert refusal.value.reason is Reason.NO_MATCHING_REQUIREMENTS


@pytest.mark.parametrize(
    "path",
    [
        *("x402Version", "scheme", "network", "payload", "payload.authorization"),
        *("payload.authorization.to", "payload.authorization.value"),
    ],
)
def test_no_needed_part_may_be_missing(path):
    with pytest.raises(Malformed) as refusal:
        v1.decode_payment(header_of(without(old_document(), path)))
    assert refusal.value.reason is Reason.MALFORMED_PAYLOAD


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("x402Version", "1"),
        ("x402Version", True),
        ("x402Version", 1.0),
        ("scheme", None),
        ("network", 84532),
        ("payload", []),
        ("payload.authorization", "0x"),
        ("payload.authorization.to", "0x1234"),
        ("payload.authorization.to", seller.address + "\n"),
        *(
            ("payload.authorization.value", value)
            for value in (10_000, "010000", "+1", " 1", "1e4", "0x10", "١", str(2**256), None)
        ),
    ],
)
def test_no_part_may_be_of_another_type_or_spelling(path, value):
    with pytest.raises(Malformed) as refusal:
        v1.decode_payment(header_of(with_change(old_document(), path, value)))
    assert refusal.value.reason is Reason.MALFORMED_PAYLOAD


@pytest.mark.parametrize(
    "header",
    [
        "",
        "!!!!",
        header_of(old_document()) + "\n",
        header_of(old_document()).replace("e", "-", 1),
        b64encode(b'{"x402Version":1,"x402Version":1}').decode(),
        b64encode(b'{"x402Version":1,"a":NaN}').decode(),
        b64encode(b"[" * 10_000).decode(),
        "A" * (headers.HEADER_CHARACTERS_MAX + 4),
    ],
    ids=[
        *("empty", "no_base64", "newline", "url_alphabet", "key_twice", "nan", "deep", "too_long"),
    ],
)
def test_the_header_itself_is_read_as_that_of_version_2_is(header):
    for decode in (v1.decode_payment, headers.decode_payment):
        with pytest.raises(Malformed):
            decode(header)


def test_padding_is_optional_and_unknown_keys_are_tolerated():
    header = header_of(old_document() | {"note": {"anything": [1, 2.5, None]}, "spare": "x"})
    assert header.endswith("=")
    assert v1.decode_payment(header.rstrip("=")) == v1.decode_payment(header)


# Both versions at once ----------------------------------------------------------------------------

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(st.text(), leaves, max_size=3)
spellings = st.sampled_from(
    [
        *("0", "00", "-1", "+1", "1e3", "0x0a", "10000", " 10000", "1_000", str(2**256 - 1)),
        *(str(2**256), seller.address.lower(), seller.address.upper(), "0x", "0x" + "f" * 64),
    ]
)
places = st.sampled_from(
    [f"authorization.{name}" for name in terms_of()] + ["signature", "authorization", "note"]
)


def understood(read: Any, document: Document) -> Authorization | str:
    """What is read of a payment, or why it is refused."""
    try:
        payment = read(header_of(document))
        completed = payment.accepting(OFFER) if isinstance(payment, v1.Payment) else payment
        return EXACT.parse(completed)
    except PaymentRefused as refused:
        return str(refused.reason)


@given(st.lists(st.tuples(places, values | spellings), max_size=3))
def test_what_was_signed_is_read_alike_in_both_versions(changes):
    payload = payment_document()["payload"]
    for place, value in changes:
        if isinstance(payload.get("authorization"), dict) or "." not in place:
            payload = with_change(payload, place, value)
    new = understood(headers.decode_payment, payment_document() | {"payload": payload})
    old = understood(v1.decode_payment, old_document() | {"payload": payload})
    event("refused" if isinstance(new, str) else "read")
    assert old == new
    if not isinstance(old, str):  # what is read at all, the laxer official reader takes as well
        PaymentPayloadV1.model_validate(old_document() | {"payload": payload})


@given(st.text() | st.binary().map(lambda raw: b64encode(raw).decode()))
def test_nothing_arbitrary_is_ever_more_than_refused(header):
    with pytest.raises(PaymentRefused):
        v1.decode_payment(header)


@given(
    st.dictionaries(
        st.sampled_from(["x402Version", "scheme", "network", "payload", "accepted"]),
        values | st.sampled_from([1, "exact", "base"]),
    )
)
def test_no_json_is_ever_more_than_refused(document):
    with pytest.raises(PaymentRefused):
        v1.decode_payment(header_of(document))


@given(st.data())
def test_a_damaged_payment_is_read_or_refused(data):
    whole = bytearray(b64decode(header_of(old_document())))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    try:
        payment = v1.decode_payment(b64encode(bytes(whole)).decode())
        EXACT.parse(payment.accepting(OFFER))
    except PaymentRefused:
        event("refused")


# Writing ------------------------------------------------------------------------------------------


def test_a_quote_has_the_shape_old_programs_read():
    described = {"input": {"type": "http", "method": "GET"}}
    written = json.loads(
        headers.encode_json(replace(CHALLENGE, output_schema=described, more={"a": 1}).to_wire())
    )
    assert written == {
        "a": 1,
        "x402Version": 1,
        "error": "Payment required",
        "accepts": [
            {
                "scheme": "exact",
                "network": "base-sepolia",
                "maxAmountRequired": "10000",
                "resource": "https://souk.example/call/ada/weather?x402Version=1",
                "description": "Weather, by city",
                "mimeType": "application/json",
                "payTo": seller.address,
                "maxTimeoutSeconds": 300,
                "asset": USDC,
                "extra": {"name": "USDC", "version": "2"},
                "outputSchema": described,
            }
        ],
    }
    PaymentRequiredV1.model_validate(written)


def test_what_is_not_there_is_left_out_and_never_null():
    (entry,) = CHALLENGE.to_wire()["accepts"]
    assert "outputSchema" not in entry
    assert None not in entry.values()


def test_nothing_can_be_said_at_the_top_that_stands_there_already():
    assert replace(CHALLENGE, more={"x402Version": 2, "accepts": []}).to_wire() == (
        CHALLENGE.to_wire()
    )


def offered(*names: str) -> list[Requirements]:
    caip2 = {network.v1_name or network.name: network.caip2 for network in NETWORKS.values()}
    return [replace(OFFER, network=caip2[name]) for name in names]


@pytest.mark.parametrize(
    ("names", "quoted"),
    [
        (["base", "avalanche", "base-sepolia"], ["base", "avalanche", "base-sepolia"]),
        (["polygon", "base"], ["base"]),
        (["celo", "polygon", "sei"], ["polygon", "sei"]),
        (["Arbitrum One", "base"], ["base"]),
        (["celo", "base-sepolia", "ethereum"], ["base-sepolia"]),
        (["celo", "ethereum"], ["celo", "ethereum"]),
        (["Arbitrum One", "XDC"], []),
    ],
    ids=lambda names: "+".join(names),
)
def test_one_name_the_oldest_programs_do_not_know_would_cost_them_the_whole_quote(names, quoted):
    found = v1.payable(offered(*names))
    assert [NETWORKS[offer.network].v1_name for offer in found] == quoted


def test_what_became_of_a_payment_is_told_with_the_networks_old_name():
    settled = Settlement(True, buyer.address, "0x" + "2" * 64, OFFER.network, amount_atomic=7)
    written = v1.settlement_to_wire(settled)
    assert written == settled.to_wire() | {"network": "base-sepolia"}
    assert SettleResponse.model_validate(written).network == "base-sepolia"
    elsewhere = replace(settled, network="eip155:42161")
    assert v1.settlement_to_wire(elsewhere)["network"] == "eip155:42161"
