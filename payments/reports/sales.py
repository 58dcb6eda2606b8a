"""A seller's payments one by one: pages of them, newest first, and all of them for a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from payments.amounts import Amount
from payments.earnings import IS_SALE
from payments.models import Money, Payment, Work
from payments.reports.given_back import (
    NOT_REFUNDED,
    REFUND_KEYS,
    REFUND_TRANSACTIONS,
    REFUNDED,
    hexes,
    refunded_terms,
)
from payments.reports.looks import Look
from payments.serving.paging import Page, page_of
from payments.states import PAID, Back, State, Words, states_of, words
from payments.written import hexadecimal

ROWS_ON_A_PAGE = 25
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which payments: of these days and terms, in this state, by this wallet, from here on."""

    look: Look
    state: str = ""  # a key of states.words
    payer: str = ""
    only: tuple[UUID, ...] | None = None  # what a search has found, whatever else is wanted
    older_than: UUID | None = None
    newer_than: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """One payment in one line."""

    id: UUID
    at: datetime
    listing_id: UUID
    listing_path: str
    title: str
    payer: str
    network: str
    amount: Amount
    words: Words
    cause: str
    transaction: str
    charged: Amount  # what the chain has moved of it
    refunded: Amount  # what went back of that, for good
    refund_transactions: tuple[str, ...]  # for a file alone


_LINE = """
    select p.id, p.created_at, p.listing_id, p.listing_path, p.title, p.payer, p.network, p.asset,
           p.amount_atomic, g.work, g.money, coalesce(c.cause, ''), g.transaction, {refunded},
           {refunds}
      from chosen s join payments_payment p on p.id = s.id
      join payments_progress g on g.payment_id = p.id
      left join payments_counted c on c.payment_id = p.id
     order by p.created_at {order}, p.id {order}
"""
_BY_STATE = """
    with state as (select * from unnest(%(works)s::text[], %(moneys)s::text[]) as t(work, money)),
    chosen as (
        select found.id from state, lateral (
            select c.payment_id as id, c.created_at from payments_counted c {join}
             where c.{scope} = %(of)s and c.seller_id = %(seller)s
               and c.work = state.work and c.money = state.money
               and c.created_at >= %(begin)s and c.created_at < %(end)s {terms}
             order by c.created_at {order}, c.payment_id {order} limit %(most)s) found
         order by found.created_at {order}, found.id {order} limit %(most)s
    )
"""
# What was given back, of the few rows there are of that.
_BY_REFUND = """
    with chosen as (
        select p.id from payments_payment p
         where p.{scope} = %(of)s and p.seller_id = %(seller)s and {sale}
           and p.id in (select r.payment_id from payments_refund r
                         where r.seller_id = %(seller)s and r.state = 'confirmed'
                           and r.paid_at >= %(begin)s and r.paid_at < %(end)s) {terms}
         order by p.created_at {order}, p.id {order} limit %(most)s
    )
"""
_BY_TIME = """
    with chosen as (
        select p.id from payments_payment p
         where p.{scope} = %(of)s and p.seller_id = %(seller)s and {sale}
           and p.created_at >= %(begin)s and p.created_at < %(end)s {terms}
         order by p.created_at {order}, p.id {order} limit %(most)s
    )
"""
_BY_ID = """
    with chosen as (
        select p.id from payments_payment p
         where p.id = any(%(only)s) and p.seller_id = %(seller)s and {sale} {terms}
         order by p.created_at {order}, p.id {order} limit %(most)s
    )
"""
_IN_STATE = """
    and exists (select from payments_progress g
                  join unnest(%(works)s::text[], %(moneys)s::text[]) as t(work, money)
                    on t.work = g.work and t.money = g.money
                 where g.payment_id = p.id)
"""
_OLDER = " and {0}.created_at <= %(at)s and ({0}.created_at, {0}.{1}) < (%(at)s, %(from)s)"
_NEWER = " and {0}.created_at >= %(at)s and ({0}.created_at, {0}.{1}) > (%(at)s, %(from)s)"
_OF_NETWORK = " and p.network = %(network)s"
_OF_LISTING = " and p.listing_id = %(listing)s"
_WITH_PAYMENT = "join payments_payment p on p.id = c.payment_id"


def sales(wanted: Wanted, *, most: int = ROWS_ON_A_PAGE) -> Page[Sale]:
    """A page of payments."""
    return _page(wanted, most, "null")


def _page(wanted: Wanted, most: int, refunds: str) -> Page[Sale]:
    return page_of(
        _found(wanted, most + 1, refunds),
        most,
        lambda sale: sale.id,
        older_than=wanted.older_than,
        newer_than=wanted.newer_than,
    )


def all_sales(wanted: Wanted) -> Iterator[list[Sale]]:
    """Every payment, so many at a time; nothing is held in between."""
    while True:
        page = _page(wanted, ROWS_AT_ONCE, REFUND_TRANSACTIONS)
        if page.rows:
            yield page.rows
        if page.older is None:
            return
        wanted = replace(wanted, older_than=page.older)


def is_sold_by(seller_id: UUID, payment_id: UUID) -> bool:
    return Payment.objects.filter(pk=payment_id, seller_id=seller_id).exists()


def _found(wanted: Wanted, most: int, refunds: str) -> list[Sale]:
    edge = wanted.newer_than or wanted.older_than
    at = _time_of(wanted.look.seller_id, edge) if edge else None
    if edge and at is None:
        return []
    turned = wanted.newer_than is not None
    query, values = _question(wanted, refunds, has_place=at is not None, turned=turned)
    with connection.cursor() as cursor:
        cursor.execute(query, values | {"at": at, "from": edge, "most": most})
        return [_sale(row) for row in cursor.fetchall()]


def _question(
    wanted: Wanted, refunds: str, *, has_place: bool, turned: bool
) -> tuple[str, dict[str, Any]]:
    """The statement that walks along an index in its own order, whatever is wanted."""
    order, look = "asc" if turned else "desc", wanted.look
    line = _LINE.format(order=order, refunded=REFUNDED, refunds=refunds)
    if wanted.only is not None:
        terms = (_NEWER if turned else _OLDER).format("p", "id") if has_place else ""
        return _BY_ID.format(sale=IS_SALE, order=order, terms=terms) + line, _values(wanted)
    scope = "payer" if wanted.payer else "listing_id" if look.listing_id else "seller_id"
    by_refund = wanted.state in REFUND_KEYS
    by_state = bool(wanted.state) and not wanted.payer and not by_refund
    statement, edge = (_BY_STATE, ("c", "payment_id")) if by_state else (_BY_TIME, ("p", "id"))
    statement = _BY_REFUND if by_refund else statement
    row = ".".join(edge)
    terms = (_NEWER if turned else _OLDER).format(*edge) if has_place else ""
    terms += _OF_NETWORK * bool(look.network)
    if wanted.payer:
        terms += _OF_LISTING * bool(look.listing_id)
        terms += _IN_STATE * (bool(wanted.state) and not by_refund)
    if by_refund:
        terms += refunded_terms(wanted.state)
    elif wanted.state:
        terms += NOT_REFUNDED.format(row)
    join = _WITH_PAYMENT if look.network else ""
    chosen = statement.format(sale=IS_SALE, scope=scope, order=order, terms=terms, join=join)
    return chosen + line, _values(wanted)


def _values(wanted: Wanted) -> dict[str, Any]:
    look, states = wanted.look, states_of(wanted.state)
    begin, end = look.span.instants()
    return {
        "of": wanted.payer or look.listing_id or look.seller_id,
        "seller": look.seller_id,
        "listing": look.listing_id,
        "network": look.network,
        "begin": begin,
        "end": end,
        "works": [each.work.value for each in states],
        "moneys": [each.money.value for each in states],
        "only": list(wanted.only or ()),
    }


def _time_of(seller_id: UUID, payment_id: UUID) -> datetime | None:
    mine = Payment.objects.filter(pk=payment_id, seller_id=seller_id)
    return mine.values_list("created_at", flat=True).first()


def _sale(row: tuple[Any, ...]) -> Sale:
    (payment_id, at, listing_id, path, title, payer, network, asset, amount, work, money, cause,
     transaction, refunded, refunds) = row  # fmt: skip
    amount, refunded, state = int(amount), int(refunded), State(Work(work), Money(money))
    return Sale(
        id=payment_id,
        at=at,
        listing_id=listing_id,
        listing_path=path,
        title=title,
        payer=payer,
        network=network,
        amount=Amount.of(network, asset, amount),
        words=words(state, Back.of(refunded, amount)),
        cause=cause,
        transaction="" if transaction is None else hexadecimal(transaction),
        charged=Amount.of(network, asset, amount if state.money in PAID else 0),
        refunded=Amount.of(network, asset, refunded),
        refund_transactions=hexes(refunds),
    )
