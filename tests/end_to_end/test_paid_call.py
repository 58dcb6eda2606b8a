"""From the first byte of a request to a confirmed payment, over the running stack."""

from __future__ import annotations

from typing import Any

from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import Said, ask, authorize, buy, pack, unpack


def test_a_payment_buys_the_answer_and_moves_the_money(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    before = stack.chain.atomic_of(cast.seller.address)

    said = buy(sold.url, cast.buyer)

    assert said.status == 200, said.body
    assert said.json == {"ok": True}
    assert said.settlement["success"] is True
    assert stack.chain.atomic_of(cast.seller.address) == before + 10_000
    assert len(sold.calls) == 1
    receipt = stack.chain.rpc("eth_getTransactionReceipt", [said.settlement["transaction"]])
    assert receipt["status"] == "0x1"


def test_a_buyer_cannot_give_what_the_sellers_address_sets(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell(
        fixed_query="?plan=basic&limit=10", input_schema={"properties": {"query": {}}}
    )
    stack.chain.fund(cast.buyer.address, 1)

    greedy = buy(f"{sold.url}?q=x&limit=100000", cast.buyer)
    content = buy(f"{sold.url}?q=x", cast.buyer)

    assert (greedy.status, greedy.json["error"]) == (400, "input_refused")
    assert "query.limit" in greedy.json["detail"]
    assert content.status == 200
    assert [call.target.partition("?")[2] for call in sold.calls] == ["plan=basic&limit=10&q=x"]


def test_a_payment_for_one_path_value_buys_no_other(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell(fixed_query="/{city}", example={"path": {"city": "Oslo"}})
    stack.upstream.on(f"{sold.upstream_path}/Oslo", answer(b'{"ok":true}'))
    stack.chain.fund(cast.buyer.address, 2)
    oslo = ask(f"{sold.url}/Oslo").challenge

    def paid(challenge: Any, city: str) -> Said:
        headers = {"PAYMENT-SIGNATURE": pack(authorize(challenge, cast.buyer))}
        return ask(f"{sold.url}/{city}", headers=headers)

    refused = paid(oslo, "Bergen")
    assert (refused.status, refused.json["error"]) == (402, "resource_mismatch")
    assert refused.challenge["resource"]["url"] == f"{sold.url}/Bergen"
    assert sold.calls == []
    assert paid(oslo, "Oslo").status == 200
    assert paid(ask(sold.url).challenge, "Oslo").status == 200, "the listing's own is as good"


def test_an_unpaid_request_is_quoted_and_goes_nowhere(stack: Stack) -> None:
    sold = stack.sell()

    said = ask(sold.url)

    assert said.status == 402
    assert unpack(said.headers["payment-required"]) == said.json
    assert sold.calls == []


def test_a_payment_is_confirmed_with_ledger_and_receipt(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    payment = buy(sold.url, cast.buyer).settlement["extensions"]["souk"]["payment"]

    def money() -> str:
        query = "select money from payments_progress where payment_id = %s"
        return str(stack.rows(query, payment)[0][0])

    stack.wait_until(lambda: money() == "confirmed", "the confirmation")
    phases = stack.rows("select phase from payments_transfer where payment_id = %s", payment)
    assert sorted(phases) == [("pending",), ("post",)]
    assert stack.rows("select count(*) from payments_receipt where payment_id = %s", payment) == [
        (1,)
    ]


def test_the_same_payment_again_is_never_a_second_purchase(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    headers = {"PAYMENT-SIGNATURE": pack(authorize(ask(sold.url).challenge, cast.buyer))}
    first = ask(sold.url, headers=headers)
    before = stack.chain.atomic_of(cast.seller.address)

    again = ask(sold.url, headers=headers)

    assert first.status == 200
    assert again.status == 409
    assert "retry-after" not in again.headers, "asking once more would change nothing"
    assert stack.chain.atomic_of(cast.seller.address) == before
    assert len(sold.calls) == 1
