"""Payments made by the official client, with its default settings, are understood and taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from x402.extensions.payment_identifier import (
    append_payment_identifier_to_extensions,
    declare_payment_identifier_extension,
)
from x402.http.utils import encode_payment_signature_header

from payments.x402.headers import decode_payment, matches
from payments.x402.networks import DEFAULT_ASSETS, chain_id_of
from payments.x402.reasons import PaymentRefused, Reason
from payments.x402.schemes import SCHEMES
from payments.x402.types import PaymentPayload, Requirements
from tests.payments.x402.cast import (
    CHALLENGE,
    OFFER,
    RESOURCE,
    buyer,
    official_payment,
    other_buyer,
    seller,
)

EXACT = SCHEMES["exact"]


def read(payment) -> PaymentPayload:
    return decode_payment(encode_payment_signature_header(payment))


def take(payment: PaymentPayload, offer: Requirements) -> str:
    """Say who paid, having made every check that needs no chain."""
    assert matches(offer, payment.accepted)
    authorization = EXACT.parse(payment)
    signed_at = authorization.valid_before - offer.max_timeout_seconds
    EXACT.check(authorization, offer, signed_at, 40)
    assert EXACT.signed_by_payer(authorization, offer, chain_id_of(offer.network))
    return authorization.payer


@pytest.mark.parametrize("account", [buyer, other_buyer], ids=["buyer", "other_buyer"])
def test_its_payment_is_taken(account):
    payment = read(official_payment(account))
    assert take(payment, OFFER) == account.address
    assert payment.resource_url == RESOURCE.url


@pytest.mark.parametrize("asset", DEFAULT_ASSETS, ids=lambda asset: asset.network + asset.symbol)
def test_it_pays_with_every_token_of_ours_untold(asset):
    offer = replace(
        OFFER,
        network=asset.network,
        asset=asset.address,
        extra={"name": asset.eip712_name, "version": asset.eip712_version},
    )
    payment = read(official_payment(buyer, replace(CHALLENGE, accepts=(offer,))))
    assert take(payment, offer) == buyer.address


def test_the_offer_it_chose_is_found_among_several():
    dearer = replace(OFFER, amount_atomic=20_000)
    payment = read(official_payment(buyer, replace(CHALLENGE, accepts=(dearer, OFFER))))
    assert matches(dearer, payment.accepted)
    assert not matches(OFFER, payment.accepted)


def test_the_extensions_it_echoes_come_back():
    extensions = {
        "bazaar": {"info": {"input": {"type": "http", "method": "GET"}}, "schema": {"a": [1.5]}},
        "payment-identifier": {"info": {"required": False}, "schema": {"type": "object"}},
    }
    payment = read(official_payment(buyer, replace(CHALLENGE, extensions=extensions)))
    assert payment.extensions["bazaar"] == extensions["bazaar"]
    assert payment.payment_identifier is None


def test_its_own_name_for_a_payment_is_read():
    extensions = {"payment-identifier": declare_payment_identifier_extension()}
    append_payment_identifier_to_extensions(extensions, "pay_7d5d747be160e280")
    payment = official_payment(buyer, replace(CHALLENGE, extensions=extensions))
    assert read(payment).payment_identifier == "pay_7d5d747be160e280"


def test_its_payment_does_not_buy_another_offer():
    payment = read(official_payment(buyer))
    other = replace(OFFER, pay_to=buyer.address)
    assert not matches(other, payment.accepted)
    with pytest.raises(PaymentRefused) as refusal:
        EXACT.check(EXACT.parse(payment), other, 1, 40)
    assert refusal.value.reason is Reason.RECIPIENT_MISMATCH
    assert seller.address != buyer.address
