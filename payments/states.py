"""The two facts of a payment, the moves they allow, and the one guarded UPDATE that moves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from payments.models import Money, Work
from payments.pool import Connection

MONEY_MOVES: Mapping[Money, frozenset[Money]] = {
    Money.NONE: frozenset({Money.BROADCAST, Money.SETTLED, Money.FAILED}),
    Money.BROADCAST: frozenset({Money.BROADCAST, Money.SETTLED, Money.FAILED}),
    Money.SETTLED: frozenset({Money.CONFIRMED, Money.BROADCAST, Money.NONE}),
    Money.CONFIRMED: frozenset({Money.BROADCAST, Money.NONE}),
    Money.FAILED: frozenset(),
}
WORK_MOVES: Mapping[Work, frozenset[Work]] = {
    Work.OPEN: frozenset({Work.ANSWERED, Work.VOID}),
    Work.VOID: frozenset({Work.OPEN}),
    Work.ANSWERED: frozenset(),
}
PAID = frozenset({Money.SETTLED, Money.CONFIRMED})


class ForbiddenMove(Exception):
    """A programming error: no payment may ever go from one of these states to the other."""


@dataclass(frozen=True, slots=True)
class State:
    work: Work
    money: Money


def allowed(before: State, after: State, *, upfront: bool = False) -> bool:
    """Whether a payment may go from one pair of facts to another: one fact moves, or none."""
    if before.work != after.work:
        if after.money != before.money or after.work not in WORK_MOVES[before.work]:
            return False
        if after.work == Work.OPEN:
            return before.money == Money.NONE  # what the chain has decided is not tried again
        return not (after.work == Work.VOID and before.money == Money.BROADCAST)
    if before == after and before.money in PAID:  # paid upfront: the work is taken up again
        return upfront and before.work == Work.OPEN
    if after.money not in MONEY_MOVES[before.money]:
        return False
    if before.work == Work.VOID:
        return after.money != Money.BROADCAST  # its owner may spend it; we never send it
    return before.work == Work.ANSWERED or upfront


@dataclass(frozen=True, slots=True)
class Words:
    """How one pair of facts is said on every screen."""

    key: str
    text: str
    icon: str
    tone: str


class Back(Enum):
    """How much of a payment was given back, for good."""

    NONE = "none"
    PART = "part"
    WHOLE = "whole"

    @classmethod
    def of(cls, refunded_atomic: int, amount_atomic: int) -> Back:
        if refunded_atomic <= 0:
            return cls.NONE
        return cls.WHOLE if refunded_atomic >= amount_atomic else cls.PART


REFUND_WORDS = {
    Back.PART: Words("partly_refunded", "partly refunded", "↩", "quiet"),
    Back.WHOLE: Words("refunded", "refunded", "↩", "quiet"),
}


def words(state: State, back: Back = Back.NONE) -> Words:
    if back != Back.NONE and state.money in PAID:
        return REFUND_WORDS[back]
    if state.money in PAID and state.work != Work.ANSWERED:
        if state.work == Work.VOID:
            return Words("paid_unanswered", "paid without an answer", "!", "bad")
        return Words("at_seller", "at the seller", "…", "waiting")
    if state.money == Money.CONFIRMED:
        return Words("final", "final", "✓", "good")
    if state.money == Money.SETTLED:
        return Words("paid", "paid", "✓", "good")
    if state.money == Money.FAILED:
        if state.work == Work.ANSWERED:
            return Words("uncollected", "could not be collected", "✗", "bad")
        return Words("not_charged", "not charged", "–", "quiet")
    if state.money == Money.BROADCAST:
        return Words("settling", "settling", "…", "waiting")
    return {
        Work.OPEN: Words("at_seller", "at the seller", "…", "waiting"),
        Work.ANSWERED: Words("ready", "answer ready, settling", "…", "waiting"),
        Work.VOID: Words("not_charged", "not charged", "–", "quiet"),
    }[state.work]


@dataclass(frozen=True, slots=True)
class Standing:
    """A payment's row as it was read: the ground on which a move is made."""

    payment_id: UUID
    version: int
    state: State
    upfront: bool = False


_CHANGEABLE = frozenset(
    {
        "facilitator",
        "lease_until", "next_check_at", "abandoned_at", "collected_at", "alone", "relayer_id",
        "relayer_nonce", "transaction", "block_number", "block_hash", "closed_at", "attempt",
        "definite_failures", "on_trust",
    }
)  # fmt: skip

_MOVE = sql.SQL(
    """
    with moved as (
        update payments_progress
           set work = %(work)s, money = %(money)s, version = version + 1 {sets}
         where payment_id = %(payment_id)s and version = %(version)s {guard}
     returning payment_id, version
    )
    insert into payments_step (payment_id, version, at, work, money, why, detail)
    select payment_id, version, clock_timestamp(), %(work)s, %(money)s, %(why)s, %(detail)s
      from moved
 returning version
    """
)
LEASE_OVER = sql.SQL(" and lease_until < clock_timestamp()")


async def move(
    connection: Connection,
    standing: Standing,
    after: State,
    *,
    why: str,
    detail: Mapping[str, Any] | None = None,
    guard: sql.SQL | None = None,
    **columns: Any,
) -> bool:
    """Take one step, unless somebody else took one since the row was read.

    False is not an error: the version says another process was first. The state alone
    could not tell, because states repeat (void → open, broadcast → broadcast).
    """
    _insist_allowed(standing, after)
    values = {
        "payment_id": standing.payment_id,
        "version": standing.version,
        "work": after.work.value,
        **_step_values(after.money, why, detail, columns),
    }
    statement = _MOVE.format(sets=_sets(columns), guard=guard or sql.SQL(""))
    cursor = await connection.execute(statement, values)
    return await cursor.fetchone() is not None


_MOVE_TOGETHER = sql.SQL(
    """
    with member as (
        select * from unnest(%(ids)s::uuid[], %(versions)s::int[] {arrays})
            as t(id, version {names})
    ), moved as (
        update payments_progress g
           set money = %(money)s, version = g.version + 1 {sets}
          from member m
          join (select payment_id from payments_progress where payment_id = any(%(ids)s)
                 order by payment_id for no key update) o on o.payment_id = m.id
         where g.payment_id = m.id and g.version = m.version
     returning g.payment_id, g.version, g.work, g.transaction, g.block_number
    )
    insert into payments_step (payment_id, version, at, work, money, why, detail)
    select payment_id, version, clock_timestamp(), work, %(money)s, %(why)s, {detail} from moved
 returning payment_id
    """
)


# What may differ from one to the other of those that move together.
_EACH = {
    "transaction": sql.SQL("::bytea[]"),
    "block_number": sql.SQL("::bigint[]"),
    "block_hash": sql.SQL("::bytea[]"),
}


async def move_together(
    connection: Connection,
    standings: Sequence[Standing],
    money: Money,
    *,
    why: str,
    detail: Mapping[str, Any] | sql.SQL | None = None,
    each: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    **columns: Any,
) -> set[UUID]:
    """Take the same step of the money for many payments at once; says which of them took it.

    `each` holds what differs between them, in their order; a detail in SQL is made of it.
    """
    if not standings:
        return set()
    for standing in standings:
        _insist_allowed(standing, State(standing.state.work, money))
    values = {
        "ids": [standing.payment_id for standing in standings],
        "versions": [standing.version for standing in standings],
        **{f"each_{name}": list(each[name]) for name in each},
        **_step_values(money, why, None if isinstance(detail, sql.SQL) else detail, columns),
    }
    own = {name: sql.SQL("m.") + sql.Identifier(name) for name in each}
    statement = _MOVE_TOGETHER.format(
        arrays=_joined(sql.Placeholder(f"each_{name}") + _EACH[name] for name in each),
        names=_joined(sql.Identifier(name) for name in each),
        sets=_sets(columns | own),
        detail=detail if isinstance(detail, sql.SQL) else sql.SQL("%(detail)s"),
    )
    cursor = await connection.execute(statement, values)
    return {row[0] for row in await cursor.fetchall()}


def _joined(parts: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL("").join(sql.SQL(", ") + part for part in parts)


def _insist_allowed(standing: Standing, after: State) -> None:
    if not allowed(standing.state, after, upfront=standing.upfront):
        raise ForbiddenMove(f"{standing.payment_id}: {standing.state} → {after}")


def _step_values(
    money: Money, why: str, detail: Mapping[str, Any] | None, columns: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "money": money.value,
        "why": why,
        "detail": Jsonb(dict(detail or {})),
        **{f"set_{name}": value for name, value in columns.items()},
    }


def _sets(columns: Mapping[str, Any]) -> sql.Composable:
    """What a move writes beside the two facts."""
    if unknown := set(columns) - _CHANGEABLE:
        raise ForbiddenMove(f"columns {sorted(unknown)} are not a move's to write")
    return sql.SQL("").join(
        sql.SQL(", {} = {}").format(sql.Identifier(name), _value(name, value))
        for name, value in columns.items()
    )


def _value(name: str, value: Any) -> sql.Composable:
    return value if isinstance(value, sql.Composable) else sql.Placeholder(f"set_{name}")


def seconds_from_now(seconds: float) -> sql.SQL:
    """A time by the database's clock, the only one that every process shares."""
    return sql.SQL(f"clock_timestamp() + interval '{float(seconds):.3f} seconds'")


NOW = sql.SQL("clock_timestamp()")
NEVER = sql.SQL("null")

# A fragment of the statement that stores answers (acceptance): `member` holds what was answered.
# Guarded by the attempt: work leaves `open` once an attempt, and attempts only grow. The money
# may have moved meanwhile (a stranger's transaction); that must not cost the buyer the answer.
ANSWER_MEMBERS = """
    update payments_progress g
       set work = 'answered', version = g.version + 1,
           next_check_at = case when g.money in ('none', 'confirmed') then clock_timestamp()
                                else g.next_check_at end
      from member m
      join (select payment_id from payments_progress
             where payment_id in (select id from member)
             order by payment_id for no key update) o on o.payment_id = m.id
     where g.payment_id = m.id and g.work = 'open' and g.attempt = m.attempt
       and g.money <> 'failed'
    returning g.payment_id, g.version, g.money
"""


def _in_order(where: str) -> str:
    """Rows that change together are locked in one order, or two statements wait for each other."""
    return (
        "payment_id in (select payment_id from payments_progress"  # noqa: S608 - our own words
        f" where {where} order by payment_id for no key update)"
    )


# Marks that are no state: they change neither fact, and so take no step.
RENEW_LEASES = """
    update payments_progress g
       set lease_until = clock_timestamp() + make_interval(secs => %s)
      from unnest(%s::uuid[], %s::smallint[]) as t(id, attempt)
      join (select payment_id from payments_progress where payment_id = any(%s)
             order by payment_id for no key update) o on o.payment_id = t.id
     where g.payment_id = t.id and g.attempt = t.attempt and g.work <> 'void'
       and g.collected_at is null
"""
ABANDON = """
    update payments_progress set abandoned_at = clock_timestamp()
     where payment_id = %s and collected_at is null and abandoned_at is null returning 1
"""
DROP = """
    update payments_progress
       set lease_until = clock_timestamp(),
           abandoned_at = coalesce(abandoned_at, clock_timestamp())
     where payment_id = %s and attempt = %s and work = 'open' and money <> 'none' returning 1
"""
UNCOLLECT = """
    update payments_progress set collected_at = null, abandoned_at = clock_timestamp()
     where payment_id = %s returning 1
"""
IDENTIFIER_MISS = """
    update payments_progress set identifier_misses = identifier_misses + 1
     where payment_id = %s returning identifier_misses
"""
COLLECT = f"""
    update payments_progress set collected_at = clock_timestamp()
     where {_in_order("payment_id = any(%s) and collected_at is null")} returning payment_id
"""  # noqa: S608 - composed of our own constants only, here and below
LOOK_AGAIN = f"""
    update payments_progress
       set next_check_at = clock_timestamp() + make_interval(secs => %s)
     where {_in_order("payment_id = any(%s) and next_check_at is not null")} returning 1
"""  # noqa: S608
LOOK_ABOVE = f"""
    update payments_progress set next_check_at = clock_timestamp()
     where {
    _in_order(
        "network = %s and next_check_at is not null and closed_at is null"
        " and money in ('settled', 'confirmed') and block_number >= %s"
    )
} returning 1
"""  # noqa: S608
DECIDE_ALONE = f"""
    update payments_progress set alone = true, next_check_at = clock_timestamp()
     where {_in_order("payment_id = any(%s) and money = 'broadcast'")}
"""  # noqa: S608
CLOSE = f"""
    update payments_progress set next_check_at = null, closed_at = clock_timestamp()
     where {_in_order("payment_id = any(%s) and money = 'confirmed'")} returning payment_id
"""  # noqa: S608
