"""What a listing cost before: the prices at which it was really sold, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from payments.amounts import Amount
from sellers.market import history

SHOWN_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Past:
    """A price, and since when it was good."""

    at: datetime
    revision: int
    prices: tuple[Amount, ...]


def price_history(listing_id: UUID) -> tuple[Past, ...]:
    """Every price it had, the one that is good now first."""
    newest_first = [
        Past(
            sold.at,
            sold.number,
            tuple(Amount.of(p.network, p.asset, p.amount_atomic) for p in sold.prices),
        )
        for sold in history.sold(listing_id)
    ]
    return tuple(_merged(newest_first))[:SHOWN_MAX]


def _merged(newest_first: Sequence[Past]) -> Iterator[Past]:
    """One entry for each price: a change of words alone is none, nor is a pause."""
    for past, older in pairwise(newest_first):
        if older.prices != past.prices:
            yield past
    yield from newest_first[-1:]
