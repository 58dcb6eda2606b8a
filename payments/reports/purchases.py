"""A buyer's payments one by one: pages of them, newest first, and all of them for a file.

Every question names the wallets it is asked for: nothing of any other payer is ever read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from payments.reports.bought import LINE, Bought, bought
from payments.reports.given_back import (
    NOT_REFUNDED,
    REFUND_KEYS,
    REFUND_TRANSACTIONS,
    REFUNDED,
    refunded_terms,
)
from payments.reports.looks import instants
from payments.serving.paging import Page, page_of
from payments.states import states_of
from payments.wallets.payers import WALLETS, Payer, paid_by_wallet, rows_of
from payments.x402.networks import DEFAULT_ASSETS

ROWS_ON_A_PAGE = 25
ROWS_AT_ONCE = 1_000
REPEAT_SECONDS = 60
NEIGHBOURS_MAX = 100  # how many payments before one are looked at for the same request


@dataclass(frozen=True, slots=True)
class Sought:
    """Which payments: of these wallets and days, for what, how much, in which state, from here."""

    payers: tuple[Payer, ...]
    first: date
    last: date
    seller_id: UUID | None = None
    listing_id: UUID | None = None
    network: str = ""
    state: str = ""  # a key of states.words
    pay_to: str = ""
    at_least: Decimal | None = None  # in whole tokens
    at_most: Decimal | None = None
    only: tuple[UUID, ...] | None = None  # what a search has found
    older_than: UUID | None = None
    newer_than: UUID | None = None


_CHOSEN = f"""
    with wallet as (select * from {WALLETS}), chosen as (
        select found.id from wallet, lateral (
            select p.id, p.created_at from payments_payment p
             where {paid_by_wallet("p")}
               and p.created_at >= %(begin)s and p.created_at < %(end)s {{terms}}
             order by p.created_at {{order}}, p.id {{order}} limit %(most)s) found
         order by found.created_at {{order}}, found.id {{order}} limit %(most)s
    )
"""  # noqa: S608 - composed of our own constants only
# The same request of the same wallet, paid a moment before: seldom what was meant.
_REPEATS = f"""
    case when g.money in ('settled', 'confirmed') then (
        select n.id from (
            select q.id, q.fingerprint, q.created_at from payments_payment q
             where q.payer = p.payer and q.created_at < p.created_at
               and q.created_at >= p.created_at - interval '{REPEAT_SECONDS} seconds'
             order by q.created_at desc limit {NEIGHBOURS_MAX}) n
          join payments_progress h on h.payment_id = n.id
         where n.fingerprint = p.fingerprint and h.money in ('settled', 'confirmed')
         order by n.created_at desc limit 1) end
"""  # noqa: S608 - composed of our own constants only
# A question of its own for each row, so that the walk along the index stays one.
_IN_STATE = """
    and (select g.work || ' ' || g.money from payments_progress g where g.payment_id = p.id)
        = any(%(states)s)
"""
_SCALE = """
    coalesce((select k.scale from unnest(%(networks)s::text[], %(assets)s::text[],
                                         %(scales)s::numeric[]) as k(network, asset, scale)
               where k.network = p.network and k.asset = p.asset), 1)
"""
# Where a wallet is unknown to the statistics, all it ever bought would be fetched and sorted.
# Sent with its statement: both are one transaction, and one way there and back instead of four.
_WALK = "set local enable_bitmapscan = off;"
_OLDER = " and p.created_at <= %(at)s and (p.created_at, p.id) < (%(at)s, %(from)s)"
_NEWER = " and p.created_at >= %(at)s and (p.created_at, p.id) > (%(at)s, %(from)s)"


def purchases(sought: Sought) -> Page[Bought]:
    """A page of payments, each with the one it repeats, if it does."""
    return page_of(
        _found(sought, ROWS_ON_A_PAGE + 1, repeats=_REPEATS),
        ROWS_ON_A_PAGE,
        lambda row: row.id,
        older_than=sought.older_than,
        newer_than=sought.newer_than,
    )


def all_purchases(sought: Sought) -> Iterator[list[Bought]]:
    """Every payment, so many at a time; nothing is held in between."""
    edge = sought.older_than
    while found := _found(
        replace(sought, older_than=edge), ROWS_AT_ONCE, refunds=REFUND_TRANSACTIONS
    ):
        yield found
        if len(found) < ROWS_AT_ONCE:
            return
        edge = found[-1].id


def terms_of(sought: Sought) -> tuple[str, dict[str, Any]]:
    """What narrows a buyer's payments `p` further, and every value that is named."""
    states = states_of(sought.state)
    begin, end = instants(sought.first, sought.last)
    values: dict[str, Any] = {
        **rows_of(sought.payers),
        "begin": begin,
        "end": end,
        "seller": sought.seller_id,
        "listing": sought.listing_id,
        "network": sought.network,
        "pay_to": sought.pay_to,
        "least": sought.at_least,
        "greatest": sought.at_most,
        "only": list(sought.only or ()),
        "states": [f"{each.work.value} {each.money.value}" for each in states],
        "networks": [each.network for each in DEFAULT_ASSETS],
        "assets": [each.address for each in DEFAULT_ASSETS],
        "scales": [10**each.decimals for each in DEFAULT_ASSETS],
    }
    asked = (
        (sought.only is not None, " and p.id = any(%(only)s)"),
        (sought.seller_id, " and p.seller_id = %(seller)s"),
        (sought.listing_id, " and p.listing_id = %(listing)s"),
        (sought.network, " and p.network = %(network)s"),
        (sought.pay_to, " and p.pay_to = %(pay_to)s"),
        (sought.at_least is not None, f" and p.amount_atomic >= %(least)s * {_SCALE}"),
        (sought.at_most is not None, f" and p.amount_atomic <= %(greatest)s * {_SCALE}"),
        (sought.state in REFUND_KEYS, refunded_terms(sought.state)),
        (sought.state and sought.state not in REFUND_KEYS, _IN_STATE + NOT_REFUNDED.format("p.id")),
    )
    return "".join(term for is_asked, term in asked if is_asked), values


def _found(
    sought: Sought, most: int, *, repeats: str = "null", refunds: str = "null"
) -> list[Bought]:
    if not sought.payers:
        return []
    edge = sought.newer_than or sought.older_than
    at = _time_of(sought.payers, edge) if edge else None
    if edge and at is None:
        return []
    turned = sought.newer_than is not None
    terms, values = terms_of(sought)
    if at is not None:
        terms += _NEWER if turned else _OLDER
    order = "asc" if turned else "desc"
    statement = _CHOSEN.format(terms=terms, order=order) + LINE.format(
        order=f"p.created_at {order}, p.id {order}",
        repeats=repeats,
        refunded=REFUNDED,
        refunds=refunds,
    )
    with connection.cursor() as cursor:
        cursor.execute(_WALK + statement, values | {"at": at, "from": edge, "most": most})
        cursor.nextset()
        return [bought(row) for row in cursor.fetchall()]


_TIME = """
    select created_at from payments_payment where id = %s and payer = any(%s)
"""


def _time_of(payers: Sequence[Payer], payment_id: UUID) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(_TIME, (payment_id, [each.address for each in payers]))
        row = cursor.fetchone()
    return row[0] if row else None
