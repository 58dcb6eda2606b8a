"""What wallets spent: by time, by listing and by wallet, from the sums the worker keeps.

Spent is what the chain has moved; what is on its way is not in here yet. What came back of it, also
later, stands beside it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from payments.amounts import Amount
from payments.reports.given_back import given_back_to
from payments.reports.looks import Span
from payments.reports.purchases import Sought, terms_of
from payments.wallets.payers import WALLETS, Payer, paid_by_wallet, rows_of

ROWS_TOTALLED_MAX = 2_000  # so many of the newest payments are added up one by one
TRUNCATED = {"day": "day", "week": "week", "month": "month"}


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whose spend, of which days, and on what if not on everything."""

    payers: tuple[Payer, ...]
    span: Span
    seller_id: UUID | None = None
    listing_id: UUID | None = None
    network: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """So many payments and so much of one token."""

    payments: int
    amount: Amount


@dataclass(slots=True)
class Spend:
    """The same money, looked at from three sides and as a whole; tokens are never added up."""

    tokens: list[Spent] = field(default_factory=list)
    by_time: dict[tuple[str, str], dict[date, Spent]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    by_listing: list[tuple[UUID, UUID, Spent]] = field(default_factory=list)
    by_payer: list[tuple[str, Spent]] = field(default_factory=list)
    back: dict[tuple[str, str], Spent] = field(default_factory=dict)  # what came back, by token


_OF = f"""
      from payments_buyerday d
      join {WALLETS} on {paid_by_wallet("d")}
     where d.payer = any(%(addresses)s) and d.day between %(first)s and %(last)s
       and (%(seller)s::uuid is null or d.seller_id = %(seller)s)
       and (%(listing)s::uuid is null or d.listing_id = %(listing)s)
       and (%(network)s = '' or d.network = %(network)s)
"""
_SPEND = f"""
    with mine as materialized (
        select date_trunc(%(step)s, d.day::timestamp)::date as start, d.*{_OF}
    )
    select grouping(start), grouping(listing_id), grouping(payer), start, seller_id, listing_id,
           payer, network, asset, sum(payments)::bigint, sum(amount_atomic)
      from mine
     group by grouping sets ((network, asset), (start, network, asset),
                             (seller_id, listing_id, network, asset), (payer, network, asset))
     order by sum(amount_atomic) desc, network, asset
"""  # noqa: S608 - composed of our own constants only
_TOTALS = f"""
    select d.network, d.asset, sum(d.payments)::bigint, sum(d.amount_atomic){_OF}
     group by d.network, d.asset order by 3 desc, 1, 2
"""
_EVER = f"""
    select d.listing_id, d.network, d.asset, min(d.day), sum(d.payments)::bigint,
           sum(d.amount_atomic)
      from payments_buyerday d
      join {WALLETS} on {paid_by_wallet("d")}
     where d.payer = any(%(addresses)s)
     group by d.listing_id, d.network, d.asset
"""  # noqa: S608 - composed of our own constants only


def spend(outlook: Outlook) -> Spend:
    """Everything of these days at once."""
    found = Spend()
    if not outlook.payers:
        return found
    values: dict[str, Any] = {
        **rows_of(outlook.payers),
        "first": outlook.span.first,
        "last": outlook.span.last,
        "step": TRUNCATED[outlook.span.step],
        "seller": outlook.seller_id,
        "listing": outlook.listing_id,
        "network": outlook.network,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, values)
        rows = cursor.fetchall()
    for no_start, no_listing, no_payer, start, seller, listing, payer, *sums in rows:
        spent, (network, asset) = _spent(tuple(sums)), sums[:2]
        if not no_start:
            found.by_time[network, asset][start] = spent
        elif not no_listing:
            found.by_listing.append((seller, listing, spent))
        elif not no_payer:
            found.by_payer.append((payer, spent))
        else:
            found.tokens.append(spent)
    found.back = _back(outlook) if found.tokens else {}
    return found


def _back(outlook: Outlook) -> dict[tuple[str, str], Spent]:
    back = given_back_to(
        outlook.payers,
        outlook.span.first,
        outlook.span.last,
        seller_id=outlook.seller_id,
        listing_id=outlook.listing_id,
        network=outlook.network,
    )
    return {
        token: Spent(each.payments, Amount.of(*token, each.atomic)) for token, each in back.items()
    }


@dataclass(frozen=True, slots=True)
class Totals:
    """What was paid among the payments one looks at; `of_newest` says when not all are in it."""

    spent: list[Spent]
    of_newest: int = 0


def totals(sought: Sought) -> Totals:
    """By the kept sums where they say it, else payment by payment, and not without end."""
    if not sought.payers:
        return Totals([])
    narrowed = sought.state or sought.pay_to or sought.only is not None
    if narrowed or sought.at_least is not None or sought.at_most is not None:
        return _added_up(sought)
    values = terms_of(sought)[1] | {"first": sought.first, "last": sought.last}
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, values)
        return Totals([_spent(row) for row in cursor.fetchall()])


_NEWEST = f"""
    with wallet as (select * from {WALLETS}), chosen as (
        select found.* from wallet, lateral (
            select p.id, p.network, p.asset, p.amount_atomic from payments_payment p
             where {paid_by_wallet("p")}
               and p.created_at >= %(begin)s and p.created_at < %(end)s {{terms}}
             order by p.created_at desc limit %(most)s) found
         limit %(most)s
    )
    select s.network, s.asset,
           count(*) filter (where g.money in ('settled', 'confirmed')),
           coalesce(sum(s.amount_atomic) filter (where g.money in ('settled', 'confirmed')), 0),
           count(*)
      from chosen s join payments_progress g on g.payment_id = s.id
     group by s.network, s.asset order by 3 desc, 1, 2
"""  # noqa: S608 - composed of our own constants only


def _added_up(sought: Sought) -> Totals:
    terms, values = terms_of(sought)
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST.format(terms=terms), values | {"most": ROWS_TOTALLED_MAX})
        rows = cursor.fetchall()
    seen = sum(row[4] for row in rows)
    cut = seen if seen >= ROWS_TOTALLED_MAX else 0
    return Totals([_spent(row) for row in rows if row[2]], cut)


def _spent(row: tuple[Any, ...]) -> Spent:
    network, asset, payments, amount = row[:4]
    return Spent(payments, Amount.of(network, asset, int(amount)))


@dataclass(frozen=True, slots=True)
class Ever:
    """All that wallets ever paid: since when for which listing, and how much of which token."""

    since: dict[UUID, date]
    spent: list[Spent]


def ever(payers: tuple[Payer, ...]) -> Ever:
    """One question for what a page of theirs always needs: its choices and its totals."""
    if not payers:
        return Ever({}, [])
    since: dict[UUID, date] = {}
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_EVER, rows_of(payers))
        for listing, network, asset, first, payments, amount in cursor.fetchall():
            since[listing] = min(first, since.get(listing, first))
            count, paid = sums.get((network, asset), (0, 0))
            sums[network, asset] = (count + payments, paid + int(amount))
    most_first = sorted(sums.items(), key=lambda each: (-each[1][0], each[0]))
    return Ever(since, [_spent((*token, *paid)) for token, paid in most_first])
