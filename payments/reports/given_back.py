"""Refunds as lists of payments `p` and sums of days see them: only what is on chain for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import connection

from payments.reports.looks import instants
from payments.states import REFUND_WORDS, Back
from payments.wallets.payers import WALLETS, Payer, rows_of
from payments.written import hexadecimal

REFUND_KEYS: Mapping[str, Back] = MappingProxyType(
    {said.key: back for back, said in REFUND_WORDS.items()}
)
REFUNDED = """
    coalesce((select sum(f.amount_atomic) from payments_refund f
               where f.payment_id = p.id and f.state = 'confirmed'), 0)
"""
REFUND_TRANSACTIONS = """
    (select array_agg(f.transaction order by f.block_number, f.log_place) from payments_refund f
      where f.payment_id = p.id and f.state = 'confirmed')
"""
NOT_REFUNDED = """
    and not exists (select from payments_refund f
                     where f.payment_id = {} and f.state = 'confirmed')
"""


def refunded_terms(key: str) -> str:
    """What narrows payments to those that were given back, or in part."""
    if REFUND_KEYS.get(key) == Back.WHOLE:
        return f" and {REFUNDED} >= p.amount_atomic"
    return f" and {REFUNDED} > 0 and {REFUNDED} < p.amount_atomic"


def hexes(transactions: Sequence[bytes] | None) -> tuple[str, ...]:
    """The `REFUND_TRANSACTIONS` of a row, as they are written."""
    return tuple(hexadecimal(each) for each in transactions or ())


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What was given back of payments in one token, and of those that never were answered."""

    atomic: int = 0
    payments: int = 0
    unanswered_atomic: int = 0
    settled_up: int = 0  # payments without an answer of which all is back

    def __add__(self, other: GivenBack) -> GivenBack:
        return GivenBack(
            self.atomic + other.atomic,
            self.payments + other.payments,
            self.unanswered_atomic + other.unanswered_atomic,
            self.settled_up + other.settled_up,
        )


_OF_SELLER = """
    with back as (
        select r.payment_id, r.network, r.asset, bool_or(r.is_unanswered) as never,
               (max(r.paid_at) at time zone 'utc')::date as day, sum(r.amount_atomic) as atomic
          from payments_refund r
         where r.seller_id = %(seller)s and r.state = 'confirmed'
           and r.paid_at >= %(begin)s and r.paid_at < %(end)s
           and (%(network)s = '' or r.network = %(network)s)
         group by r.payment_id, r.network, r.asset
    )
    select p.listing_id, back.day, back.network, back.asset, sum(back.atomic), count(*),
           coalesce(sum(back.atomic) filter (where never), 0),
           count(*) filter (where never and back.atomic >= p.amount_atomic)
      from back join payments_payment p on p.id = back.payment_id
     group by p.listing_id, back.day, back.network, back.asset
"""


# A refund is found by its case, and that by who paid: of payments there are far too many.
_OF_PAYERS = f"""
    select r.network, r.asset, sum(r.amount_atomic), count(distinct r.payment_id), 0, 0
      from payments_dispute d
      join {WALLETS} on d.payer = wallet.address
      join payments_refund r on r.dispute_id = d.id and r.state = 'confirmed'
       and (wallet.home = '' or r.network = wallet.home)
      join payments_payment p on p.id = r.payment_id
     where d.payer = any(%(addresses)s)
       and r.paid_at >= %(begin)s and r.paid_at < %(end)s
       and (%(seller)s::uuid is null or r.seller_id = %(seller)s)
       and (%(listing)s::uuid is null or p.listing_id = %(listing)s)
       and (%(network)s = '' or r.network = %(network)s)
     group by r.network, r.asset
"""  # noqa: S608 - composed of our own constants only


def given_back_to(
    payers: Sequence[Payer],
    first: date,
    last: date,
    *,
    seller_id: UUID | None = None,
    listing_id: UUID | None = None,
    network: str = "",
) -> dict[tuple[str, str], GivenBack]:
    """What came back, by token, of the payments that these wallets made in these days."""
    values = {
        **rows_of(payers),
        **_between(first, last),
        "seller": seller_id,
        "listing": listing_id,
        "network": network,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OF_PAYERS, values)
        return {row[:2]: GivenBack(*map(int, row[2:])) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class BackOf:
    """Of which listing, of payments of which day, in which token."""

    listing_id: UUID
    day: date
    network: str
    asset: str


def given_back_of(
    seller_id: UUID, first: date, last: date, network: str = ""
) -> dict[BackOf, GivenBack]:
    """What was given back of the payments that were made in these days."""
    values: dict[str, Any] = {
        "seller": seller_id,
        **_between(first, last),
        "network": network,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OF_SELLER, values)
        return {BackOf(*row[:4]): GivenBack(*map(int, row[4:])) for row in cursor.fetchall()}


def _between(first: date, last: date) -> dict[str, datetime]:
    begin, end = instants(first, last)
    return {"begin": begin, "end": end}
