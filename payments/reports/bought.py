"""One payment in one line, as its buyer sees it and as books have it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.amounts import Amount
from payments.models import Money, Work
from payments.reports.given_back import hexes
from payments.states import PAID, Back, State, Words, words
from payments.written import hexadecimal


@dataclass(frozen=True, slots=True)
class Bought:
    """One payment in one line, as its buyer sees it."""

    id: UUID
    at: datetime
    seller_id: UUID
    listing_id: UUID
    listing_path: str
    title: str
    payer: str
    pay_to: str
    network: str
    amount: Amount
    words: Words
    transaction: str
    block_number: int | None
    receipt_version: int | None
    repeats: UUID | None  # the payment for the same request a moment before
    charged: Amount  # what the chain has moved of it
    refunded: Amount  # what came back of that, for good
    refund_transactions: tuple[str, ...]  # for a file alone

    @property
    def can_change(self) -> bool:
        return self.words.tone == "waiting" or self.words.key == "paid"

    @property
    def receipt_id(self) -> str:
        return "" if self.receipt_version is None else receipt_id(self.id, self.receipt_version)


def receipt_id(payment_id: UUID, version: int) -> str:
    """How a receipt is named in books: its payment, and which version of it."""
    return f"{payment_id}.{version}"


# Of the payments `chosen`; what is not asked for is null.
LINE = """
    select p.id, p.created_at, p.seller_id, p.listing_id, p.listing_path, p.title, p.payer,
           p.pay_to, p.network, p.asset, p.amount_atomic, g.work, g.money,
           g.transaction, g.block_number,
           (select max(r.version) from payments_receipt r where r.payment_id = p.id), {repeats},
           {refunded}, {refunds}
      from chosen s join payments_payment p on p.id = s.id
      join payments_progress g on g.payment_id = p.id
     order by {order}
"""


def bought(row: tuple[Any, ...]) -> Bought:
    """A row of `LINE`."""
    (payment_id, at, seller_id, listing_id, path, title, payer, pay_to, network, asset, amount,
     work, money, transaction, block, receipt_version, repeats, refunded,
     refunds) = row  # fmt: skip
    amount, refunded, state = int(amount), int(refunded), State(Work(work), Money(money))
    return Bought(
        id=payment_id,
        at=at,
        seller_id=seller_id,
        listing_id=listing_id,
        listing_path=path,
        title=title,
        payer=payer,
        pay_to=pay_to,
        network=network,
        amount=Amount.of(network, asset, amount),
        words=words(state, Back.of(refunded, amount)),
        transaction="" if transaction is None else hexadecimal(transaction),
        block_number=block,
        receipt_version=receipt_version,
        repeats=repeats,
        charged=Amount.of(network, asset, amount if state.money in PAID else 0),
        refunded=Amount.of(network, asset, refunded),
        refund_transactions=hexes(refunds),
    )
