"""Whatever a client changes in what it was quoted is refused before anything is claimed."""

from __future__ import annotations

from typing import Any

import pytest

from payments.x402.reasons import Reason
from tests.faults.market import Market, Paper, somebody
from tests.fixtures.wallet import authorize, unpack

TAMPERED_TERMS: dict[str, tuple[dict[str, Any], Reason]] = {
    "price": ({"value": 1}, Reason.VALUE_MISMATCH),
    "a cent more": ({"value": 20_000}, Reason.VALUE_MISMATCH),
    "an atom more": ({"value": 10_001}, Reason.VALUE_MISMATCH),
    "recipient": ({"to": somebody("thief").address}, Reason.RECIPIENT_MISMATCH),
    "window in the past": ({"validBefore": 1_000}, Reason.EXPIRED),
    "window not yet open": ({"validAfter": 2**40}, Reason.NOT_YET_VALID),
    "window without end": ({"validBefore": 2**62}, Reason.WINDOW_TOO_LONG),
}


def test_other_terms_than_the_quoted_are_refused(market: Market) -> None:
    sold, buyer = market.sell(), market.buyer()

    refused = {
        what: _refusal(market, market.sign(sold, buyer, **changed))
        for what, (changed, _) in TAMPERED_TERMS.items()
    }

    assert refused == {what: reason for what, (_, reason) in TAMPERED_TERMS.items()}


def test_a_signature_that_runs_out_while_the_seller_works_is_refused(market: Market) -> None:
    """The seller would have worked, and nobody could be paid for it any more."""
    sold = market.sell(total_seconds=60)
    brief = market.sign(sold, market.buyer(), seconds=60)
    _is_refused(market, brief)
    said = market.send(brief).challenge
    assert said["error"] == "window_too_short"
    assert "sign for 300 s" in said["detail"]

    assert market.send(market.sign(sold, market.buyer(), seconds=80)).status == 200


def test_what_is_paid_before_the_work_needs_no_time_for_it(market: Market) -> None:
    sold = market.sell(total_seconds=60, release="upfront")

    assert market.send(market.sign(sold, market.buyer(), seconds=60)).status == 200


TAMPERED_OFFERS: dict[str, tuple[str, Any, Reason]] = {
    "amount": ("amount", "1", Reason.NO_MATCHING_REQUIREMENTS),
    "asset": ("asset", "0x" + "11" * 20, Reason.NO_MATCHING_REQUIREMENTS),
    "network": ("network", "eip155:8453", Reason.NO_MATCHING_REQUIREMENTS),
    "recipient": ("payTo", somebody("thief").address, Reason.NO_MATCHING_REQUIREMENTS),
    "time": ("maxTimeoutSeconds", 100_000, Reason.NO_MATCHING_REQUIREMENTS),
    "scheme": ("scheme", "upto", Reason.NO_MATCHING_REQUIREMENTS),
}


@pytest.mark.parametrize("signs_it_too", [False, True], ids=["said", "said and signed"])
def test_another_offer_than_the_quoted_is_refused(market: Market, signs_it_too: bool) -> None:
    sold, buyer = market.sell(), market.buyer()
    quoted = market.sign(sold, buyer)
    refused = {}
    for what, (key, value, _) in TAMPERED_OFFERS.items():
        changed = {**quoted.payload["accepted"], key: value}
        if signs_it_too:
            challenge = {"accepts": [changed], "resource": quoted.payload["resource"]}
            payload = authorize(challenge, buyer, now=market.now)
        else:
            payload = {**quoted.payload, "accepted": changed}
        refused[what] = _refusal(market, Paper(sold, payload))

    assert refused == {what: reason for what, (_, _, reason) in TAMPERED_OFFERS.items()}


def test_a_payment_for_another_resource_is_refused(market: Market) -> None:
    cheap, dear = market.sell(), market.sell()
    paper = market.sign(cheap, market.buyer())
    payload = {**paper.payload, "accepted": market.sign(dear, market.buyer()).payload["accepted"]}
    _is_refused(market, Paper(dear, payload))
    elsewhere = {**paper.payload, "resource": {"url": dear.url}}
    _is_refused(market, Paper(cheap, elsewhere))


def test_a_changed_signature_is_refused(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer())
    signature = bytearray(paper.signature)
    signature[10] ^= 1
    paper.payload["payload"]["signature"] = "0x" + signature.hex()
    _is_refused(market, paper)


def test_a_claimed_payment_buys_nothing_else(market: Market) -> None:
    """Same payment, another question: refused, and the first one is not disturbed."""
    sold, gate = market.gated()
    paper = market.sign(sold, market.buyer())
    asked = market.sending(paper)
    market.wait(lambda: market.calls(sold), "the call")

    other = Paper(market.sell(), paper.payload)

    assert market.send(other).status == 409
    gate.open()
    assert asked.result().status == 200
    assert market.send(other).status == 409
    assert market.calls(sold) + market.calls(other.sold) == 1


def _is_refused(market: Market, paper: Paper) -> None:
    assert _refusal(market, paper)


def _refusal(market: Market, paper: Paper) -> str:
    """Why it is refused; nothing of it is claimed, and nobody called."""
    said = market.send(paper)
    assert said.status in (400, 402), said
    if said.status == 402:
        assert unpack(said.headers["payment-required"]) == said.json
    assert market.row(paper) == {}
    assert market.calls(paper.sold) == 0
    return str(said.json["error"])
