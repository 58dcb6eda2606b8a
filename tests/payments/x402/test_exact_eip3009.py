"""Reading, checking and carrying out a signed dollar transfer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st
from x402.mechanisms.evm.eip712 import hash_eip3009_authorization
from x402.mechanisms.evm.types import ExactEIP3009Authorization

from payments.x402.crypto import keccak256
from payments.x402.headers import payment_of
from payments.x402.networks import checksum
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.schemes import SCHEMES
from payments.x402.types import Authorization
from tests.payments.x402.cast import (
    CHAIN_ID,
    NOW,
    OFFER,
    USDC,
    attacker,
    buyer,
    other_buyer,
    payment_document,
    seller,
    terms_of,
    with_change,
    without,
)

EXACT = SCHEMES["exact"]
ERC6492_SUFFIX = bytes.fromhex("6492" * 16)

addresses = st.binary(min_size=20, max_size=20).map(checksum)
uint256 = st.integers(min_value=0, max_value=2**256 - 1)
words = st.binary(min_size=32, max_size=32)
authorizations = st.builds(
    Authorization, addresses, addresses, uint256, uint256, uint256, words, st.binary(max_size=200)
)


def authorization_of(signer=buyer, **changes) -> Authorization:
    return EXACT.parse(payment_of(payment_document(signer, **changes)))


def parse(document) -> Authorization:
    return EXACT.parse(payment_of(document))


def refusal_of(authorization, now=NOW, margin_seconds=40, offer=OFFER) -> Reason | None:
    try:
        EXACT.check(authorization, offer, now, margin_seconds)
    except PaymentRefused as refusal:
        return refusal.reason
    return None


def test_it_reads_an_authorization():
    authorization = authorization_of()
    assert authorization.payer == buyer.address
    assert authorization.pay_to == seller.address
    assert authorization.amount_atomic == 10_000
    assert (authorization.valid_after, authorization.valid_before) == (0, NOW + 300)
    assert authorization.nonce == b"\xab" * 32
    assert len(authorization.signature) == 65


def test_one_authorization_has_one_reading_however_its_letters_are_written():
    document = payment_document()
    terms = document["payload"]["authorization"]
    for key in ("from", "to", "nonce"):
        document = with_change(document, f"payload.authorization.{key}", terms[key].lower())
    upper = "0x" + document["payload"]["signature"][2:].upper()
    assert parse(with_change(document, "payload.signature", upper)) == authorization_of()


@pytest.mark.parametrize("key", [*terms_of(), "authorization", "signature"])
def test_no_part_of_an_authorization_may_be_missing(key):
    path = key if key in {"authorization", "signature"} else f"authorization.{key}"
    with pytest.raises(Malformed):
        parse(without(payment_document(), f"payload.{path}"))


def test_an_authorization_has_no_other_part():
    with pytest.raises(Malformed):
        parse(with_change(payment_document(), "payload.authorization.memo", "x"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("authorization", None),
        ("authorization", []),
        ("authorization.from", "0x"),
        ("authorization.to", 7),
        ("authorization.value", 10_000),
        ("authorization.value", "010000"),
        ("authorization.validAfter", 0),
        ("authorization.validAfter", ""),
        ("authorization.validBefore", "1.8e9"),
        ("authorization.validBefore", str(2**256)),
        ("authorization.nonce", "ab" * 32),
        ("authorization.nonce", "0x" + "ab" * 31),
        ("authorization.nonce", "0x" + "ab" * 33),
        ("authorization.nonce", "0x" + "ab" * 31 + "a"),
        ("authorization.nonce", "0x" + "ab" * 31 + " a"),
        ("authorization.nonce", "0x" + "ab" * 32 + "\n"),
        ("signature", None),
        ("signature", "0x"),
        ("signature", "0x1"),
        ("signature", "ab" * 65),
        ("signature", "0x" + "ab" * 4097),
        ("signature", "0x" + "١" * 130),
    ],
)
def test_no_part_of_an_authorization_has_a_second_spelling(path, value):
    with pytest.raises(Malformed) as refusal:
        parse(with_change(payment_document(), f"payload.{path}", value))
    assert refusal.value.reason is Reason.MALFORMED_PAYLOAD


def test_a_contract_wallet_may_sign_at_length():
    longest = "0x" + "ab" * 4096
    read = parse(with_change(payment_document(), "payload.signature", longest))
    assert read.signature == b"\xab" * 4096


def test_an_identity_is_of_chain_token_payer_and_nonce():
    known = EXACT.identity(CHAIN_ID, USDC, authorization_of())
    assert len(known) == 16
    assert EXACT.identity(CHAIN_ID, USDC.lower(), authorization_of(value="9")) == known
    assert EXACT.identity(8453, USDC, authorization_of()) != known
    assert EXACT.identity(CHAIN_ID, seller.address, authorization_of()) != known
    assert EXACT.identity(CHAIN_ID, USDC, authorization_of(**{"from": seller.address})) != known
    assert EXACT.identity(CHAIN_ID, USDC, authorization_of(nonce="0x" + "ac" * 32)) != known


def test_a_payment_for_the_offer_passes():
    assert refusal_of(authorization_of()) is None


def test_a_payment_to_somebody_else_is_refused():
    paid_elsewhere = authorization_of(to=attacker.address)
    assert refusal_of(paid_elsewhere) is Reason.RECIPIENT_MISMATCH
    assert refusal_of(authorization_of(), offer=replace(OFFER, pay_to=OFFER.pay_to.lower())) is None


@pytest.mark.parametrize("value", ["9999", "10001", "0"])
def test_a_payment_of_another_amount_is_refused(value):
    assert refusal_of(authorization_of(value=value)) is Reason.VALUE_MISMATCH


@pytest.mark.parametrize(
    ("valid_after", "valid_before", "refusal"),
    [
        (NOW - 1, NOW + 300, None),
        (NOW, NOW + 300, Reason.NOT_YET_VALID),
        (NOW + 1, NOW + 300, Reason.NOT_YET_VALID),
        (2**256 - 1, NOW + 300, Reason.NOT_YET_VALID),
        (0, 0, Reason.EXPIRED),
        (0, NOW, Reason.EXPIRED),
        (0, NOW + 1, Reason.WINDOW_TOO_SHORT),
        (0, NOW + 39, Reason.WINDOW_TOO_SHORT),
        (0, NOW + 40, None),
        (0, NOW + 360, None),
        (0, NOW + 361, Reason.WINDOW_TOO_LONG),
        (0, 2**256 - 1, Reason.WINDOW_TOO_LONG),
    ],
)
def test_a_payment_holds_for_long_enough_and_not_forever(valid_after, valid_before, refusal):
    made = authorization_of(validAfter=str(valid_after), validBefore=str(valid_before))
    assert refusal_of(made) is refusal


def test_a_payment_that_holds_too_shortly_is_told_for_how_long_to_sign():
    with pytest.raises(PaymentRefused) as refused:
        EXACT.check(authorization_of(validBefore=str(NOW + 39)), OFFER, NOW, 40)
    assert "at least 40 s away" in refused.value.detail
    assert "sign for 300 s" in refused.value.detail


def test_a_wallet_that_would_first_have_to_be_created_is_refused():
    wrapped = replace(authorization_of(), signature=b"\x01" * 96 + ERC6492_SUFFIX)
    assert refusal_of(wrapped) is Reason.FACTORY_NOT_ALLOWED
    assert EXACT.signature_fault(wrapped, OFFER, CHAIN_ID) is Reason.FACTORY_NOT_ALLOWED


@given(authorizations, st.text(), st.text(), st.integers(1, 2**63), addresses)
def test_the_digest_is_the_one_the_official_package_signs(made, name, version, chain_id, asset):
    offer = replace(OFFER, asset=asset, extra={"name": name, "version": version})
    official = hash_eip3009_authorization(
        ExactEIP3009Authorization(
            made.payer,
            made.pay_to,
            str(made.amount_atomic),
            str(made.valid_after),
            str(made.valid_before),
            "0x" + made.nonce.hex(),
        ),
        chain_id,
        asset,
        name,
        version,
    )
    assert EXACT.digest(made, offer, chain_id) == official


@pytest.mark.parametrize("extra", [{}, {"name": "USDC"}, {"version": "2"}])
def test_an_offer_without_the_tokens_name_cannot_be_paid(extra):
    with pytest.raises(PaymentRefused) as refusal:
        EXACT.digest(authorization_of(), replace(OFFER, extra=extra), CHAIN_ID)
    assert refusal.value.reason is Reason.MISSING_EIP712_DOMAIN


def test_the_payer_is_whoever_signed():
    authorization = authorization_of()
    assert EXACT.signed_by_payer(authorization, OFFER, CHAIN_ID)
    assert EXACT.signature_fault(authorization, OFFER, CHAIN_ID) is None


@pytest.mark.parametrize(
    "change",
    [
        {"payer": other_buyer.address},
        {"pay_to": attacker.address},
        {"amount_atomic": 10_001},
        {"valid_after": 1},
        {"valid_before": NOW + 301},
        {"nonce": b"\xac" * 32},
    ],
)
def test_a_signature_holds_for_its_own_terms_only(change):
    changed = replace(authorization_of(), **change)
    assert not EXACT.signed_by_payer(changed, OFFER, CHAIN_ID)
    assert EXACT.signature_fault(changed, OFFER, CHAIN_ID) is Reason.INVALID_SIGNATURE


@pytest.mark.parametrize(
    ("chain_id", "offer"),
    [
        (8453, OFFER),
        (CHAIN_ID, replace(OFFER, asset=seller.address)),
        (CHAIN_ID, replace(OFFER, extra={"name": "USD Coin", "version": "2"})),
        (CHAIN_ID, replace(OFFER, extra={"name": "USDC", "version": "1"})),
    ],
)
def test_a_signature_holds_for_its_own_token_only(chain_id, offer):
    assert not EXACT.signed_by_payer(authorization_of(), offer, chain_id)


def test_somebody_elses_signature_is_not_the_payers():
    forged = authorization_of(signer=attacker)
    assert forged.payer == buyer.address
    assert EXACT.signature_fault(forged, OFFER, CHAIN_ID) is Reason.INVALID_SIGNATURE


def test_what_is_wrong_with_a_signature_has_a_name():
    made = authorization_of()
    low_v = made.signature[:64] + bytes((made.signature[64] - 27,))
    high_s = made.signature[:32] + b"\xf0" * 32 + made.signature[64:]
    faults = {
        low_v: Reason.SIGNATURE_RECOVERY_ID,
        high_s: Reason.SIGNATURE_HIGH_S,
        made.signature + b"\x00": Reason.UNDEPLOYED_WALLET,
        made.signature[:64]: Reason.UNDEPLOYED_WALLET,
    }
    for signature, fault in faults.items():
        changed = replace(made, signature=signature)
        assert EXACT.signature_fault(changed, OFFER, CHAIN_ID) is fault


SIX = ["address", "address", "uint256", "uint256", "uint256", "bytes32"]


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def six_of(made: Authorization) -> list[object]:
    return [
        made.payer,
        made.pay_to,
        made.amount_atomic,
        made.valid_after,
        made.valid_before,
        made.nonce,
    ]


def test_the_selectors_are_the_tokens():
    assert EXACT.transfer_call(authorization_of(), USDC).data[:4].hex() == "e3ee160e"
    long = replace(authorization_of(), signature=b"\x01" * 66)
    assert EXACT.transfer_call(long, USDC).data[:4].hex() == "cf092995"


@given(authorizations, st.binary(min_size=65, max_size=65))
def test_a_plain_signature_is_carried_out_in_three_parts(made, signature):
    call = EXACT.transfer_call(replace(made, signature=signature), USDC)
    kinds = [*SIX, "uint8", "bytes32", "bytes32"]
    values = [*six_of(made), signature[64], signature[:32], signature[32:64]]
    assert call.to == USDC
    assert call.data[4:] == encode(kinds, values)


@given(authorizations.filter(lambda made: len(made.signature) != 65))
def test_any_other_signature_is_carried_out_whole(made):
    call = EXACT.transfer_call(made, USDC)
    assert call.data[4:] == encode([*SIX, "bytes"], [*six_of(made), made.signature])


def test_a_contract_wallet_gets_more_gas():
    made = authorization_of()
    plain = EXACT.transfer_call(made, USDC)
    delegated = EXACT.transfer_call(made, USDC, payer_has_code=True)
    assert delegated.data == plain.data
    long = EXACT.transfer_call(replace(made, signature=b"\x01" * 66), USDC)
    assert plain.gas < delegated.gas == long.gas


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("execution reverted: FiatTokenV2: authorization is expired", Reason.EXPIRED),
        ("FiatTokenV2: authorization is not yet valid", Reason.NOT_YET_VALID),
        ("FiatTokenV2: authorization is used or canceled", Reason.ALREADY_USED),
        ("ERC20: transfer amount exceeds balance", Reason.INSUFFICIENT_BALANCE),
        ("FiatTokenV2: invalid signature", Reason.INVALID_SIGNATURE),
        ("ECRecover: invalid signature 's' value", Reason.INVALID_SIGNATURE),
        ("Blacklistable: account is blacklisted", Reason.ACCOUNT_BLOCKED),
        ("Pausable: paused", Reason.TOKEN_PAUSED),
        ("ERC20InsufficientBalance(0x…, 1, 2)", Reason.INSUFFICIENT_BALANCE),
        ("http://10.0.0.1:8545 said no", Reason.SIMULATION_FAILED),
        ("", Reason.SIMULATION_FAILED),
    ],
)
def test_what_the_token_said_becomes_a_word_buyers_know(text, reason):
    assert EXACT.reason_of_revert(text) is reason
