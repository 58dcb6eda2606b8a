"""What a facilitator is asked and what it says, in the official package's own words."""

from __future__ import annotations

from typing import Any

import pytest
from x402.schemas import PaymentPayload, PaymentRequirements, SettleResponse, SupportedResponse

from payments.x402.facilitation import (
    NEVER_BEGAN,
    BadHeaders,
    NotAnAnswer,
    Verdict,
    check_headers,
    read_settlement,
    serves,
    settlement_request,
)
from payments.x402.headers import payment_of
from payments.x402.schemes import exact_eip3009
from tests.payments.x402.cast import OFFER, buyer, other_buyer, payment_document

NETWORK = OFFER.network
HASH = "0x" + "ab" * 32


def read(document: object) -> Any:
    return read_settlement(document, network=NETWORK, payer=buyer.address)


def said(success: bool, **more: object) -> dict[str, object]:
    return {"success": success, "transaction": "", "network": NETWORK, **more}


def test_the_official_models_read_what_we_ask() -> None:
    document = payment_document()
    authorization = exact_eip3009.parse(payment_of(document))

    asked = settlement_request(exact_eip3009.payload_of(authorization), OFFER)

    assert asked["x402Version"] == 2
    payment = PaymentPayload.model_validate(asked["paymentPayload"])
    assert payment.payload == document["payload"], "what the buyer signed, to the letter"
    offer = PaymentRequirements.model_validate(asked["paymentRequirements"])
    assert offer.model_dump(by_alias=True, exclude_none=True) == OFFER.to_wire()
    assert payment.accepted == offer


@pytest.mark.parametrize(
    ("document", "verdict", "transaction"),
    [
        (said(True, transaction=HASH), Verdict.SETTLED, HASH),
        (said(True, transaction=HASH, payer=buyer.address.lower()), Verdict.SETTLED, HASH),
        (said(True, transaction=HASH, payer=None, errorReason=None), Verdict.SETTLED, HASH),
        (said(False, errorReason="settlement_pending", transaction=HASH), Verdict.PENDING, HASH),
        (said(False, errorReason="settlement_pending"), Verdict.PENDING, None),
        (said(False, errorReason="transaction_failed", transaction=HASH), Verdict.PENDING, HASH),
        (said(False, errorReason="transaction_failed"), Verdict.REFUSED, None),
        (said(False, errorReason="invalid_exact_evm_nonce_already_used"), Verdict.REFUSED, None),
        (said(False, errorReason=7), Verdict.REFUSED, None),
        (said(False), Verdict.REFUSED, None),
        (said(False, errorReason="unsupported_scheme"), Verdict.NEVER_BEGAN, None),
        # It names a transaction: then it began, whatever it calls that.
        (said(False, errorReason="unsupported_scheme", transaction=HASH), Verdict.PENDING, HASH),
    ],
    ids=str,
)
def test_an_answer_is_read(document: object, verdict: Verdict, transaction: str | None) -> None:
    word = read(document)

    assert word.verdict is verdict
    assert word.transaction == (bytes.fromhex(transaction[2:]) if transaction else None)


def test_the_official_answers_are_read() -> None:
    official = SettleResponse(
        success=False, error_reason="settlement_pending", transaction=HASH, network=NETWORK
    )
    word = read(official.model_dump(by_alias=True))
    assert (word.verdict, word.reason) == (Verdict.PENDING, "settlement_pending")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "yes",
        {},
        {"success": "true"},
        {"success": 1, "transaction": HASH},
        said(True),
        said(True, transaction="0x12"),
        said(True, transaction=HASH + "0"),
        said(True, transaction=7),
        said(True, transaction=HASH, network="eip155:1"),
        said(True, transaction=HASH, payer=other_buyer.address),
        said(False, payer=["0x"]),
    ],
    ids=str,
)
def test_what_is_no_answer_says_nothing(document: object) -> None:
    with pytest.raises(NotAnAnswer):
        read(document)


def test_no_reason_that_a_buyer_can_cause_lets_another_be_asked() -> None:
    """Balance, nonce, signature and time are the buyer's; a transaction may have gone before."""
    for words in ("balance", "nonce", "signature", "valid", "transaction", "pending", "simulation"):
        theirs = {each for each in NEVER_BEGAN if words in each.removeprefix("invalid_")}
        assert theirs == set(), words


def kind(**changes: object) -> dict[str, object]:
    return {"x402Version": 2, "scheme": "exact", "network": NETWORK, **changes}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([kind()], True),
        ([kind(x402Version=1), kind(scheme="upto"), kind()], True),
        ([kind(extra={"feePayer": "x"})], True),
        ([kind(x402Version=1)], False),
        ([kind(scheme="upto")], False),
        ([kind(network="eip155:*")], False),
        ([kind(network="eip155:8453")], False),
        ([], None),
        (["exact"], None),
    ],
    ids=str,
)
def test_only_our_very_kind_is_served(kinds: list[object], expected: bool | None) -> None:
    assert serves({"kinds": kinds}, network=NETWORK, scheme="exact") is expected


def test_the_official_list_is_read() -> None:
    official = SupportedResponse.model_validate({"kinds": [kind()]})
    document = official.model_dump(by_alias=True)
    assert serves(document, network=NETWORK, scheme="exact") is True


@pytest.mark.parametrize("document", [None, [], {}, {"kinds": {}}, {"kinds": None}], ids=str)
def test_what_is_no_list_is_no_list(document: object) -> None:
    with pytest.raises(NotAnAnswer):
        serves(document, network=NETWORK, scheme="exact")


def test_headers_are_given_by_path() -> None:
    headers = {"settle": {"Authorization": "Bearer x"}, "supported": {}, "verify": {"X-Key": "y"}}
    assert check_headers(headers) == headers


@pytest.mark.parametrize(
    "headers",
    [
        [],
        {"Authorization": "Bearer secret"},
        {"settle": "Bearer secret"},
        {"settle": {"Authorization": 7}},
        {"settle": {"Authorization": "secret\r\nX-Other: 1"}},
        {"settle": {"Authorization": ""}},
        {"settle": {"Bad Name": "secret"}},
        {"settle": {"Host": "secret"}},
        {"settle": {"content-length": "secret"}},
    ],
    ids=str,
)
def test_other_headers_are_refused_without_their_values(headers: object) -> None:
    with pytest.raises(BadHeaders) as refused:
        check_headers(headers)
    assert "secret" not in str(refused.value)
