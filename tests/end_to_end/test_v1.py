"""The same payment in both versions of x402 is one payment, over the running stack."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest

from tests.end_to_end.test_proof_of_buying import ANSWER
from tests.fixtures.cast import Cast, Person
from tests.fixtures.stack import Sold, Stack
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import Said, ask, authorize, in_v1, pack, sign_in, unpack


def old_url(sold: Sold) -> str:
    return f"{sold.url}?x402Version=1"


def signed(stack: Stack, sold: Sold, payer: Person, **changed: Any) -> dict[str, Any]:
    """A payment as version 2 writes it, with the window that old programs sign for."""
    stack.chain.fund(payer.address, 1)
    changed.setdefault("validAfter", int(time.time()) - 600)
    return authorize(ask(sold.url).challenge, payer, **changed)


def send_old(sold: Sold, payment: Any, **headers: str) -> Said:
    return ask(old_url(sold), headers={"X-PAYMENT": pack(in_v1(payment)), **headers})


def send_new(sold: Sold, payment: Any, **headers: str) -> Said:
    return ask(sold.url, headers={"PAYMENT-SIGNATURE": pack(payment), **headers})


SENDERS = pytest.mark.parametrize(
    ("first", "second"),
    [(send_old, send_new), (send_new, send_old)],
    ids=["old_then_new", "new_then_old"],
)


@SENDERS
def test_what_bought_in_one_version_buys_nothing_more_in_the_other(
    stack: Stack, cast: type[Cast], first: Any, second: Any
) -> None:
    sold = stack.sell(behaviour=answer(ANSWER))
    payment = signed(stack, sold, cast.buyer)
    bought = first(sold, payment)
    before = stack.chain.atomic_of(cast.buyer.address)

    again = second(sold, payment)

    assert (bought.status, bought.body) == (200, ANSWER)
    assert (again.status, again.json["error"]) == (409, "already_used")
    assert len(sold.calls) == 1
    assert stack.chain.atomic_of(cast.buyer.address) == before
    stored = "select count(*), min(protocol_version) from payments_payment where listing_path = %s"
    assert stack.rows(stored, sold.path) == [(1, 1 if first is send_old else 2)]


@SENDERS
def test_the_wallet_gets_its_answer_back_in_either_version(
    stack: Stack, cast: type[Cast], first: Any, second: Any
) -> None:
    sold = stack.sell(behaviour=answer(ANSWER))
    payment = signed(stack, sold, cast.buyer)
    assert first(sold, payment).status == 200
    question = second(sold, payment).json["extensions"]["sign-in-with-x"]

    said = second(sold, payment, **{"SIGN-IN-WITH-X": sign_in(question, cast.buyer)})

    assert (said.status, said.body) == (200, ANSWER)
    header = "x-payment-response" if second is send_old else "payment-response"
    network = "base-sepolia" if second is send_old else "eip155:84532"
    assert unpack(said.headers[header])["network"] == network
    assert len({"x-payment-response", "payment-response"} & said.headers.keys()) == 1


def test_the_name_given_in_version_2_is_no_part_of_version_1(
    stack: Stack, cast: type[Cast]
) -> None:
    sold = stack.sell(behaviour=answer(ANSWER))
    payment = signed(stack, sold, cast.buyer)
    name = secrets.token_urlsafe(24)
    payment["extensions"] = {"payment-identifier": {"info": {"id": name}}}
    assert send_new(sold, payment).status == 200

    assert send_old(sold, payment).status == 409
    assert send_new(sold, payment).body == ANSWER


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"value": 9_999}, "No matching payment requirements"),
        ({"to": Cast.attacker.address}, "No matching payment requirements"),
        ({"validBefore": 1}, "invalid_exact_evm_payload_authorization_valid_before"),
        ({"validAfter": 2**40}, "invalid_exact_evm_payload_authorization_valid_after"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_payment_that_does_not_pay_is_asked_for_again_in_version_1(
    stack: Stack, cast: type[Cast], changed: dict[str, Any], error: str
) -> None:
    sold = stack.sell()

    said = send_old(sold, signed(stack, sold, cast.buyer, **changed))

    assert (said.status, said.json["x402Version"], said.json["error"]) == (402, 1, error)
    assert said.json["accepts"][0]["resource"] == old_url(sold)
    assert "payment-required" not in said.headers
    assert sold.calls == []


def test_a_signature_of_somebody_elses_pays_for_nothing(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell()
    payment = signed(stack, sold, cast.attacker, **{"from": cast.buyer.address})

    said = send_old(sold, payment)

    assert (said.status, said.json["error"]) == (402, "invalid_exact_evm_payload_signature")
    assert sold.calls == []


def test_what_cannot_be_read_is_no_new_quote(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell()
    payment = signed(stack, sold, cast.buyer)
    payment["payload"]["authorization"]["value"] = 10_000

    said = send_old(sold, payment)

    assert (said.status, said.json["error"]) == (400, "invalid_payload")
    assert "payment-required" not in said.headers
    assert sold.calls == []
