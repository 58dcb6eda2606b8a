"""A payment is public once it is on chain: shown again it gives its answer to its buyer alone."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.fixtures.cast import Cast, Person
from tests.fixtures.stack import Sold, Stack
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import Said, ask, authorize, pack, sign_in

ANSWER = b'{"forecast":"rain"}'
WRONG_NAMES_MAX = 5


@dataclass(frozen=True, slots=True)
class Bought:
    """A call that was paid for, answered and settled, and the payment that anybody may know."""

    sold: Sold
    payload: dict[str, Any]
    first: Said

    def again(self, *, proof: str | None = None, name: str | None = None) -> Said:
        """Send the same payment once more, with what is to prove its buyer."""
        payload = {**self.payload}
        if name is not None:
            payload["extensions"] = {"payment-identifier": {"info": {"id": name}}}
        headers = {"PAYMENT-SIGNATURE": pack(payload)}
        if proof is not None:
            headers["SIGN-IN-WITH-X"] = proof
        return ask(self.sold.url, headers=headers)

    def question(self) -> Any:
        said = self.again()
        assert (said.status, said.json["error"]) == (409, "already_used")
        return said.json["extensions"]["sign-in-with-x"]


def purchase(stack: Stack, buyer: Person, *, name: str | None = None) -> Bought:
    sold = stack.sell(behaviour=answer(ANSWER))
    stack.chain.fund(buyer.address, 1)
    payload = authorize(ask(sold.url).challenge, buyer)
    if name is not None:
        payload["extensions"] = {"payment-identifier": {"info": {"id": name}}}
    first = ask(sold.url, headers={"PAYMENT-SIGNATURE": pack(payload)})
    assert (first.status, first.body) == (200, ANSWER)
    return Bought(sold, payload, first)


@pytest.fixture
def bought(stack: Stack, cast: type[Cast]) -> Bought:
    return purchase(stack, cast.buyer)


def test_the_payers_wallet_gets_the_stored_answer_and_pays_nothing(
    stack: Stack, cast: type[Cast], bought: Bought
) -> None:
    before = stack.chain.atomic_of(cast.buyer.address)

    said = bought.again(proof=sign_in(bought.question(), cast.buyer))

    assert (said.status, said.body) == (200, ANSWER)
    told = said.settlement
    told["extensions"].pop("offer-receipt", None)  # signed meanwhile, or not yet
    assert told == bought.first.settlement
    assert stack.chain.atomic_of(cast.buyer.address) == before
    assert len(bought.sold.calls) == 1


def test_an_answer_fetched_again_brings_its_receipt_once_there_is_one(
    stack: Stack, cast: type[Cast], bought: Bought
) -> None:
    """Where the official packages look for it; most first answers leave before it is signed."""
    payment = bought.first.headers["x-souk-payment"]

    def receipts() -> list[tuple[Any, ...]]:
        return stack.rows("select jws from payments_receipt where payment_id = %s", payment)

    assert "offer-receipt" not in bought.first.settlement["extensions"]
    stack.wait_until(receipts, "a receipt")
    said = bought.again(proof=sign_in(bought.question(), cast.buyer))

    told = said.settlement
    receipt = told["extensions"].pop("offer-receipt")["info"]["receipt"]
    assert receipt == {"format": "jws", "signature": receipts()[0][0]}
    assert told == bought.first.settlement
    page = ask(f"{stack.base_url}/p/{payment}", headers={"Accept": "text/html"})
    assert b"offer-receipt" in page.body


def test_another_wallet_gets_nothing(cast: type[Cast], bought: Bought) -> None:
    said = bought.again(proof=sign_in(bought.question(), cast.attacker))

    assert (said.status, said.json["error"]) == (409, "already_used")
    assert "payment-response" not in said.headers
    assert ANSWER not in said.body


def test_a_proof_is_good_once(cast: type[Cast], bought: Bought) -> None:
    proof = sign_in(bought.question(), cast.buyer)
    assert bought.again(proof=proof).status == 200

    assert bought.again(proof=proof).status == 409


def test_a_proof_for_another_listing_proves_nothing(
    stack: Stack, cast: type[Cast], bought: Bought
) -> None:
    other = purchase(stack, cast.buyer)

    assert bought.again(proof=sign_in(other.question(), cast.buyer)).status == 409


def test_the_refusal_names_nothing_of_the_purchase(bought: Bought) -> None:
    said = bought.again()

    settled = bought.first.settlement
    assert settled["extensions"]["souk"]["payment"].encode() not in said.body
    assert settled["transaction"].encode() not in said.body
    assert not {"x-souk-payment", "payment-response"} & said.headers.keys()


def test_the_name_in_the_payment_gets_the_answer_again(stack: Stack, cast: type[Cast]) -> None:
    name = secrets.token_urlsafe(24)
    bought = purchase(stack, cast.buyer, name=name)

    assert bought.again(name=name).body == ANSWER
    assert bought.again(name=secrets.token_urlsafe(24)).status == 409
    assert len(bought.sold.calls) == 1


def test_five_wrong_names_leave_only_the_wallet(stack: Stack, cast: type[Cast]) -> None:
    name = secrets.token_urlsafe(24)
    bought = purchase(stack, cast.buyer, name=name)
    for _ in range(WRONG_NAMES_MAX):
        assert bought.again(name=secrets.token_urlsafe(24)).status == 409

    assert bought.again(name=name).status == 409
    assert bought.again(proof=sign_in(bought.question(), cast.buyer)).body == ANSWER


def test_an_answer_that_was_kept_long_enough_is_said_to_be_gone(
    stack: Stack, cast: type[Cast]
) -> None:
    name = secrets.token_urlsafe(24)
    bought = purchase(stack, cast.buyer, name=name)
    payment = bought.first.headers["x-souk-payment"]
    stack.rows("delete from payments_answerbody where payment_id = %s returning 1", payment)

    said = bought.again(name=name)

    assert (said.status, said.json["error"]) == (410, "answer_expired")
    assert hashlib.sha256(ANSWER).hexdigest() in said.json["detail"]
    assert "payment-required" not in said.headers


def test_a_payment_found_by_half_a_hash_is_compared_in_full(stack: Stack, cast: type[Cast]) -> None:
    name = secrets.token_urlsafe(24)
    bought = purchase(stack, cast.buyer, name=name)
    nonce = bytes.fromhex(bought.payload["payload"]["authorization"]["nonce"][2:])
    change = "update payments_payment set nonce = %s where nonce = %s"
    with psycopg.connect(stack.database_url, autocommit=True) as hand:
        hand.execute("set session_replication_role = replica")  # past the append-only trigger
        hand.execute(change, (bytes(32), nonce))  # as if another nonce had the same name
        try:
            said = bought.again(name=name)
        finally:
            hand.execute(change, (nonce, bytes(32)))

    assert (said.status, said.json["error"]) == (409, "other_request")
    assert bought.again(name=name).body == ANSWER
