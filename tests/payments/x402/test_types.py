"""What we tell buyers, as the official clients read it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from x402.http.utils import decode_payment_required_header, decode_payment_response_header

from payments.x402.headers import encode_header, payment_of
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.types import Challenge, Resource, Settlement
from tests.payments.x402.cast import CHALLENGE, OFFER, RESOURCE, buyer, payment_document


def test_the_official_client_reads_our_challenge():
    challenge = replace(CHALLENGE, extensions={"bazaar": {"info": {}, "schema": {}}})
    read = decode_payment_required_header(encode_header(challenge.to_wire()))
    assert read.x402_version == 2
    assert read.error == "Payment required"
    assert read.resource.url == RESOURCE.url
    assert read.accepts[0].amount == "10000"
    assert read.accepts[0].max_timeout_seconds == 300
    assert read.accepts[0].extra == {"name": "USDC", "version": "2"}
    assert read.extensions == {"bazaar": {"info": {}, "schema": {}}}


def test_the_official_client_reads_what_became_of_a_payment():
    settled = Settlement(True, buyer.address, "0x" + "12" * 32, OFFER.network, 10_000)
    read = decode_payment_response_header(encode_header(settled.to_wire()))
    assert (read.success, read.payer, read.amount) == (True, buyer.address, "10000")
    assert read.transaction == settled.transaction
    assert read.error_reason is None


def test_a_failed_payment_still_names_transaction_and_network():
    failed = Settlement(False, "", "", OFFER.network, error_reason=Reason.SETTLEMENT_PENDING)
    assert failed.to_wire() == {
        "success": False,
        "errorReason": "settlement_pending",
        "transaction": "",
        "network": OFFER.network,
    }
    assert decode_payment_response_header(encode_header(failed.to_wire())).success is False


def test_offers_are_written_with_checksummed_addresses():
    lower = replace(OFFER, asset=OFFER.asset.lower(), pay_to=OFFER.pay_to.lower())
    assert lower.to_wire() == OFFER.to_wire()
    assert lower.to_wire()["payTo"] == OFFER.pay_to


def test_a_resource_leaves_out_what_is_empty():
    assert Resource("https://a.example", mime_type="").to_wire() == {"url": "https://a.example"}
    assert Resource("https://a.example", tags=("x",)).to_wire()["tags"] == ["x"]


def test_nothing_is_ever_null():
    wire = json.dumps(Challenge(Resource("https://a.example"), (OFFER,), "x").to_wire())
    assert "null" not in wire
    assert "extensions" not in wire


def test_what_else_stands_in_a_challenge_cannot_change_its_offers():
    wire = replace(CHALLENGE, more={"demo": "?demo=true", "accepts": []}).to_wire()
    assert wire["demo"] == "?demo=true"
    assert wire["accepts"] == [OFFER.to_wire()]


def identifier_in(extension):
    document = payment_document() | {"extensions": {"payment-identifier": extension}}
    return payment_of(document).payment_identifier


@pytest.mark.parametrize("name", ["a" * 16, "pay_" + "0" * 32, "A-Z_a-z_0-9_-----", "x" * 128])
def test_the_buyers_own_name_for_a_payment_is_read(name):
    assert identifier_in({"info": {"required": False, "id": name}}) == name


def test_an_echo_without_a_name_has_none():
    assert identifier_in({"info": {"required": False}, "schema": {}}) is None
    assert payment_of(payment_document()).payment_identifier is None


@pytest.mark.parametrize(
    "extension",
    ["pay", [], {}, {"info": None}, {"info": "id"}, {"info": {"id": 7}}]
    + [{"info": {"id": name}} for name in ("", "a" * 15, "a" * 129, "a" * 15 + "!", "é" * 16)]
    + [{"info": {"id": "a" * 16 + "\n"}}],
)
def test_a_malformed_name_is_refused(extension):
    with pytest.raises(Malformed) as refusal:
        identifier_in(extension)
    assert refusal.value.reason is Reason.MALFORMED_IDENTIFIER


def test_a_refusal_never_says_more_than_its_bound():
    refusal = PaymentRefused(Reason.INVALID_SIGNATURE, "x" * 1000)
    assert len(refusal.detail) == 200
    assert str(refusal) == "invalid_exact_evm_payload_signature"
