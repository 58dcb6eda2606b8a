"""Every payment of the site, oldest first: for its operator's books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from payments.ids import first_id
from payments.reports.bought import LINE, Bought, bought
from payments.reports.given_back import REFUND_TRANSACTIONS, REFUNDED
from payments.reports.looks import instants
from payments.reports.purchases import ROWS_AT_ONCE

# A payment's id is made a moment before its row, on another clock: so far they may lie apart.
CLOCKS_APART = timedelta(days=1)
_NONE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Books:
    """Which payments: of these days, of one seller or all, on one network or all."""

    first: date
    last: date
    seller_id: UUID | None = None
    network: str = ""


# Ids are in the order of time, so the walk is one along the primary key: by time there is no index
# for all sellers together. For one seller there is.
_BY_ID = """
    select p.id from payments_payment p
     where p.id > %(from_id)s and p.id < %(until_id)s
       and p.created_at >= %(begin)s and p.created_at < %(end)s {terms}
     order by p.id limit %(most)s
"""
_BY_SELLER = """
    select p.id from payments_payment p
     where p.seller_id = %(seller)s and (p.created_at, p.id) > (%(from_time)s, %(from_id)s)
       and p.created_at >= %(begin)s and p.created_at < %(end)s {terms}
     order by p.created_at, p.id limit %(most)s
"""
_OF_NETWORK = " and p.network = %(network)s"


def all_payments(books: Books) -> Iterator[list[Bought]]:
    """So many at a time; nothing is held in between."""
    begin, end = instants(books.first, books.last)
    values: dict[str, Any] = {
        "seller": books.seller_id,
        "network": books.network,
        "begin": begin,
        "end": end,
        "from_time": begin,
        "from_id": _NONE if books.seller_id else first_id((begin - CLOCKS_APART).timestamp()),
        "until_id": first_id((end + CLOCKS_APART).timestamp()),
        "most": ROWS_AT_ONCE,
    }
    while page := _page(books, values):
        yield page
        if len(page) < ROWS_AT_ONCE:
            return
        values |= {"from_time": page[-1].at, "from_id": page[-1].id}


def _page(books: Books, values: dict[str, Any]) -> list[Bought]:
    chosen = _BY_SELLER if books.seller_id else _BY_ID
    order = "p.created_at, p.id" if books.seller_id else "p.id"
    chosen = chosen.format(terms=_OF_NETWORK if books.network else "")
    statement = f"with chosen as ({chosen})" + LINE.format(
        order=order, repeats="null", refunded=REFUNDED, refunds=REFUND_TRANSACTIONS
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [bought(row) for row in cursor.fetchall()]
