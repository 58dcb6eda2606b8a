"""A payment that was made on a real chain's books, and wallets that can pay it back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.disputes import clock as dispute_clock
from payments.disputes.cases import Request, open_dispute
from payments.models import Dispute, Payment, Progress, Reason, Refund
from tests.faults.invariants import read_books, refunds_are_booked, refunds_are_on_chain
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain, calldata
from tests.fixtures.purchases import NETWORK, USDC, Purchases, sql_url

PAID = 2_000
CONFIRMATIONS = 3
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Till:
    """Payments, cases about them, and the chain on which money goes back."""

    make_purchase: Callable[[Callable[[Purchases], Awaitable[Any]]], Any]
    chain: Chain
    proven: set[str]

    def paid(self, come_to: str = "answer settle confirm", **changes: Any) -> Payment:
        """A payment of the buyer's to the seller's wallet, in the chain's newest block."""
        block = self.chain.block("latest")
        place = {
            "block_number": int(block["number"], 16),
            "block_hash": bytes.fromhex(block["hash"][2:]),
        }

        async def buy(purchases: Purchases) -> UUID:
            payment_id = await purchases.claim(
                **{"payer": Cast.buyer.address, "pay_to": Cast.seller.address} | changes
            )
            for step in come_to.split():
                await getattr(purchases, step)(payment_id, **(place if step == "settle" else {}))
            return payment_id

        return Payment.objects.get(pk=self.make_purchase(buy))

    def case(self, payment: Payment | None = None, amount: int = PAID, **more: Any) -> Dispute:
        request = Request(more.pop("reason", Reason.DEFECTIVE), amount, **more)
        return open_dispute(payment or self.paid(), request)

    def send(self, amount: int, to: str = Cast.buyer.address, by: str = Cast.seller.address) -> str:
        """A plain transfer of dollars, in a block of its own."""
        self.chain.fund(by, 1, wei=10**18)
        return self.chain.send(USDC, calldata("transfer(address,uint256)", to, amount), by)

    def tend(self, times: int = 1) -> None:
        """The worker's bell, with everything due that ever will be."""
        for _ in range(times):
            Refund.objects.filter(next_check_at__isnull=False).update(next_check_at=LONG_AGO)
            Dispute.objects.filter(next_check_at__isnull=False).update(next_check_at=LONG_AGO)
            dispute_clock.tend(lambda seller, network: self.proven)

    def bury(self) -> None:
        self.chain.mine(CONFIRMATIONS)

    def check(self) -> None:
        """The rules of the books about refunds, from the chain's own logs."""
        books = read_books(sql_url())
        refunds_are_booked(books)
        refunds_are_on_chain(books, self.chain)

    def lines(self, payment: Payment) -> list[tuple[str, str, int]]:
        """What the ledger holds of refunds: phase, who gives, how much."""
        with connection.cursor() as cursor:
            cursor.execute(
                "select phase, debit, amount_atomic from payments_transfer"
                " where payment_id = %s and debit like 'seller:%%' order by at, version desc",
                (payment.pk,),
            )
            return [(phase, debit, int(amount)) for phase, debit, amount in cursor.fetchall()]


def over(dispute: Dispute) -> None:
    """Let a deadline pass."""
    Dispute.objects.filter(pk=dispute.pk).update(deadline_at=LONG_AGO)


def state(dispute: Dispute) -> str:
    dispute.refresh_from_db()
    return dispute.state


def progress_of(payment: Payment) -> Progress:
    return Progress.objects.get(pk=payment.pk)


@pytest.fixture
def till(settings: Settings, chain: Chain, make_purchase: Any) -> Till:
    chain_settings = {
        **CHAIN_DEFAULTS,
        "RPC": [chain.rpc_url],
        "ASSETS": [USDC],
        "CONFIRMATIONS": CONFIRMATIONS,
    }
    settings.CHAINS = {NETWORK: chain_settings}
    return Till(make_purchase, chain, set())


@pytest.fixture
def shelf_till(settings: Settings, make_purchase: Any) -> Till:
    """The same where nobody asks the chain."""
    settings.CHAINS = {}

    class Nowhere:
        def block(self, which: str) -> dict[str, str]:
            return {"number": "0x10", "hash": "0x" + "11" * 32}

    return Till(make_purchase, Nowhere(), set())  # type: ignore[arg-type]
