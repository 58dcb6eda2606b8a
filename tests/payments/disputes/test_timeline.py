"""A payment's timeline tells of its refunds, too: noticed, proven, and taken back by the chain."""

from __future__ import annotations

from typing import Any

from django.test import Client

from payments.models import Payment, Side
from payments.refunds.naming import name
from tests.payments.disputes.conftest import PAID, Till

CALL = ["at_seller", "ready", "paid", "final"]


def steps(payment: Payment) -> list[dict[str, Any]]:
    """As programs read them, after the payment's own four."""
    told: list[dict[str, Any]] = Client().get(f"/p/{payment.pk}").json()["steps"]
    assert [each["status"] for each in told[:4]] == CALL
    assert [each["at"] for each in told] == sorted(each["at"] for each in told)
    return told[4:]


def test_a_refund_is_noticed_and_then_proven(till: Till) -> None:
    dispute = till.case()
    assert steps(dispute.payment) == []
    refund = name(dispute, till.send(PAID), Side.SELLER)
    assert steps(dispute.payment) == [], "what is only named proves nothing"
    till.tend()
    (noticed,) = steps(dispute.payment)
    transfer = {
        "transaction": f"0x{refund.transaction.hex()}", "amount": "2000", "text": "0.002 USDC",
    }  # fmt: skip
    assert (noticed["status"], noticed["why"]) == ("refund_noticed", "named by the seller")
    assert noticed["refund"] == transfer
    till.bury()
    till.tend()
    told = steps(dispute.payment)
    assert [each["status"] for each in told] == ["refund_noticed", "refunded"]
    assert told[1]["refund"] == transfer
    page = Client().get(f"/p/{dispute.payment_id}", headers={"Accept": "text/html"})
    timeline = page.content.decode().split('class="timeline"')[1].split("</ol>")[0]
    order = [timeline.index(f"<strong>{word}<") for word in ("final", "refund noticed", "refunded")]
    assert order == sorted(order)
    assert timeline.count("0.002 USDC in ") == timeline.count(transfer["transaction"]) // 2 == 2


def test_parts_are_said_one_by_one_until_all_is_back(till: Till) -> None:
    dispute = till.case()
    for part in (500, 1_500):
        name(dispute, till.send(part), Side.PAYER)
        till.bury()
        till.tend(2)
    told = steps(dispute.payment)
    assert [(each["status"], each["refund"]["amount"]) for each in told] == [
        ("refund_noticed", "500"), ("partly_refunded", "500"),
        ("refund_noticed", "1500"), ("refunded", "1500"),
    ]  # fmt: skip
    assert told[0]["why"] == "named by the buyer"


def test_what_the_chain_takes_back_stays_told(till: Till) -> None:
    dispute = till.case()
    name(dispute, till.send(PAID), Side.SELLER)
    till.bury()
    till.tend(2)
    till.chain.reorg(5)
    till.chain.mine(2)
    till.tend()
    assert [each["status"] for each in steps(dispute.payment)] == ["refunded", "refund_reversed"]
