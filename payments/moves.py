"""The one guarded UPDATE that moves a payment's facts, and the step it leaves; one or many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from payments.database.pool import Connection
from payments.database.row_locks import IS_HELD, held
from payments.models import Money
from payments.states import Standing, State, allowed


class ForbiddenMove(Exception):
    """A programming error: no payment may ever go from one of these states to the other."""


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
    ), {held}, moved as (
        update payments_progress g
           set money = %(money)s, version = g.version + 1 {sets}
          from member m
         where {is_held} and g.payment_id = m.id and g.version = m.version
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
        held=sql.SQL(held("payment_id = any(%(ids)s)")),
        is_held=sql.SQL(IS_HELD),
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
    if "next_check_at" in columns:  # something came of it: it is no more put off than a new one
        columns = {**columns, "put_off": sql.SQL("false")}
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

# Two steps of the statement that stores answers (answering): `member` holds what was answered.
# Guarded by the attempt: work leaves `open` once an attempt, and attempts only grow. The money
# may have moved meanwhile (a stranger's transaction); that must not cost the buyer the answer.
# Open is said as neither of the others: asked for by its name, a plan looks through all leases.
ANSWER_MEMBERS = f"""
{held("payment_id in (select id from member)")}, answered as (
    update payments_progress g
       set work = 'answered', version = g.version + 1,
           next_check_at = case when g.money in ('none', 'confirmed') then clock_timestamp()
                                else g.next_check_at end
      from member m
     where {IS_HELD} and g.payment_id = m.id and g.attempt = m.attempt
       and g.work <> 'answered' and g.work <> 'void' and g.money <> 'failed'
    returning g.payment_id, g.version, g.money
)
"""  # noqa: S608 - composed of our own constants only
