"""Who paid a seller: how many wallets, which of them most, and which are no customers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from payments.amounts import Amount
from payments.reports.looks import Look
from payments.x402.networks import DEFAULT_ASSETS

TOP = 8

FROM = """
      from payments_buyerday
     where seller_id = %(seller)s and day between %(first)s and %(last)s
       and (%(listing)s::uuid is null or listing_id = %(listing)s)
       and (%(network)s = '' or network = %(network)s)
"""
# Tens of thousands of wallets are grouped in memory, or else on disk three times as slowly.
_ROOM = "set local work_mem = '32MB'"
# A payer is compared among buyers of the same token only, but shown among all: by whole tokens.
_TOP = f"""
    with buyer as (
        select payer, network, asset, sum(payments) as payments, sum(amount_atomic) as amount
        {FROM} group by payer, network, asset
    )
    select payer, network, asset, payments::bigint, amount, total.payers
      from buyer left join (select * from unnest(%(networks)s::text[], %(assets)s::text[],
                                                 %(scales)s::numeric[])
                               as t(network, asset, scale)) known using (network, asset),
           (select count(distinct payer) as payers from buyer) total
     order by amount / coalesce(scale, 1e18) desc, payer limit %(most)s
"""  # noqa: S608 - composed of our own constants only
_SHARE = f"""
    select network, asset, sum(payments)::bigint, sum(amount_atomic)
    {FROM} and payer = any(%(payers)s)
     group by network, asset order by network, asset
"""


@dataclass(frozen=True, slots=True)
class Buyer:
    """One wallet, and what it paid in one token."""

    payer: str
    payments: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class Buyers:
    """How many wallets paid, and those that paid most."""

    unique: int
    top: list[Buyer]


def buyers(look: Look, *, most: int = TOP) -> Buyers:
    values = values_of(look) | {
        "networks": [each.network for each in DEFAULT_ASSETS],
        "assets": [each.address for each in DEFAULT_ASSETS],
        "scales": [10**each.decimals for each in DEFAULT_ASSETS],
        "most": most,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ROOM)
        cursor.execute(_TOP, values)
        found = cursor.fetchall()
    top = [
        Buyer(payer, payments, Amount.of(network, asset, int(amount)))
        for payer, network, asset, payments, amount, _ in found
    ]
    return Buyers(found[0][5] if found else 0, top)


def paid_by(look: Look, payers: Collection[str]) -> list[tuple[int, Amount]]:
    """What these wallets paid, by token: the seller's own calls, or the site's trial calls."""
    if not payers:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SHARE, values_of(look) | {"payers": list(payers)})
        found = cursor.fetchall()
    return [(row[2], Amount.of(row[0], row[1], int(row[3]))) for row in found]


def values_of(look: Look) -> dict[str, Any]:
    return {
        "seller": look.seller_id,
        "first": look.span.first,
        "last": look.span.last,
        "listing": look.listing_id,
        "network": look.network,
    }
