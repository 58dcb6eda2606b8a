"""What was charged and what came back stands in every file, and can be added up."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from django.core.management import call_command

from payments.disputes.cases import Request, open_dispute
from payments.models import Payment, Reason
from tests.fixtures.buying import Owner, owner
from tests.fixtures.cast import Cast
from tests.fixtures.shop import Shop
from tests.marketplace.buyers.test_spend import SPEND, section
from tests.marketplace.test_dispute_pages import paid_back

OpenShop = Callable[..., Shop]
MINE, OTHER = Cast.buyer.address, Cast.other_buyer.address
BACK = "0x" + "12" * 32
NEW = ("charged", "charged_atomic", "refunded", "refunded_atomic", "refund_transactions")


def given_back(payment_id: UUID, atomic: int) -> None:
    payment = Payment.objects.get(pk=payment_id)
    paid_back(open_dispute(payment, Request(Reason.DEFECTIVE, atomic)))


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """A payment that stands, one partly refunded, one not charged, one on its way."""
    shop = open_shop()
    shop.sold(payer=MINE, amount_atomic=10_000)
    given_back(shop.sold(payer=MINE, amount_atomic=40_000), 15_000)
    shop.sold("void", payer=MINE, amount_atomic=500_000)
    another = {"url": "https://souk.example/another"}
    shop.sold("answer", payer=MINE, amount_atomic=7_000, purchase=another)
    return shop


def bought(buyer: Owner) -> str:
    response = buyer.client.get("/buy/receipts.csv")
    return b"".join(response).decode()  # type: ignore[arg-type]


def exported() -> str:
    said = io.StringIO()
    call_command("export", "payments", stdout=said)
    return said.getvalue()


def sold(shop: Shop) -> str:
    response = shop.client.get("/sell/earnings/payments.csv?period=7d")
    return b"".join(response).decode()  # type: ignore[arg-type]


@pytest.mark.parametrize("whose", ["buyer", "operator", "seller"])
def test_a_file_adds_up_to_what_the_chain_moved_and_what_came_back(shop: Shop, whose: str) -> None:
    text = {
        "buyer": lambda: bought(owner()),
        "operator": exported,
        "seller": lambda: sold(shop),
    }[whose]()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0])[-5:] == NEW, "what was there before keeps its place"
    assert len(rows) == 4
    for name, atomic in (("charged", 50_000), ("refunded", 15_000)):
        assert sum(int(row[f"{name}_atomic"]) for row in rows) == atomic
        assert sum(Decimal(row[name]) for row in rows) == Decimal(atomic).scaleb(-6)
    assert {row["refund_transactions"] for row in rows} == {"", BACK}
    (back,) = [row for row in rows if row["refund_transactions"]]
    assert (back["status"], back["charged"], back["refunded"]) == (
        "partly refunded", "0.04", "0.015",
    )  # fmt: skip


def test_spend_shows_what_came_back(shop: Shop) -> None:
    totals = section(owner().text(SPEND), "totals")
    assert "0.05 USDC" in totals
    assert "0.015 USDC" in totals
    assert "of 1 payment" in totals


def test_spend_shows_no_refund_where_none_is(shop: Shop, open_shop: OpenShop) -> None:
    """Not a stranger's, not another seller's, and nothing of a time when nothing was bought."""
    zeta = open_shop("zeta")
    zeta.sold(payer=MINE, amount_atomic=30_000)
    shop.sold(payer=OTHER, amount_atomic=20_000)
    buyer, stranger = owner(), owner("stranger", OTHER)
    assert "Came back" in buyer.text(f"{SPEND}?seller=acme")
    assert "Came back" in buyer.text(f"{SPEND}?listing={shop.listing.path}")
    for page in (buyer.text(f"{SPEND}?seller=zeta"), stranger.text(SPEND)):
        assert "USDC" in section(page, "totals")
        assert "Came back" not in page
