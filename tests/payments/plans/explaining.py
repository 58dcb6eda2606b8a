"""A connection that asks PostgreSQL how it runs each statement, then runs it.

Who asked is found on the stack, so a plan belongs to a function of the program.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow, tuple_row

from payments.database.pool import Pool
from tests.architecture.tree import ROOMS
from tests.fixtures.chain import CHECKOUT

EXPLAIN = "explain (analyze, buffers, format json) "
ASKS_A_TABLE = re.compile(r"\s*(select|with|insert|update|delete)\b(?!.*pg_notify)", re.S | re.I)
# What a statement sets for itself goes before it, in the same message.
SETS = re.compile(r"(\s*set local [^;]+;)*", re.I)
# A table that holds fewer rows is read whole, whatever indexes it has.
ROWS_BIG = 300
# What carries the statements of others.
CARRIERS = ("payments/database/old_rows.py", "payments/database/pool.py")

Asker = tuple[str, str]  # file, function


@dataclass(frozen=True, slots=True)
class Plan:
    """How one statement was run."""

    asker: Asker
    statement: str
    root: dict[str, Any]

    def nodes(self, node: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        node = node or self.root
        yield node
        for child in node.get("Plans", ()):
            yield from self.nodes(child)

    @property
    def locks_in_a_join(self) -> bool:
        """Whether rows are locked below a join, which may have them locked again and again."""
        return _locks_in_a_join(self.root, below=False)

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes() if "Index Name" in node}

    @property
    def read_whole(self) -> list[str]:
        """The tables of some size that were read from end to end."""
        return [
            node["Relation Name"]
            for node in self.nodes()
            if node["Node Type"] == "Seq Scan"
            and node["Actual Rows"] + node.get("Rows Removed by Filter", 0) >= ROWS_BIG
        ]

    @property
    def buffers(self) -> int:
        """Pages looked at."""
        return sum(_own_buffers(node) for node in self.nodes())


JOINS = {"Nested Loop", "Hash Join", "Merge Join"}
RUN_ONCE = {"InitPlan", "SubPlan"}  # a step of its own: its parent only reads what it came to


def _locks_in_a_join(node: dict[str, Any], *, below: bool) -> bool:
    if node["Node Type"] == "LockRows":
        return below
    below = below or node["Node Type"] in JOINS
    return any(
        _locks_in_a_join(child, below=below and child["Parent Relationship"] not in RUN_ONCE)
        for child in node.get("Plans", ())
    )


def _buffers(node: dict[str, Any]) -> int:
    return int(node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0))


def _own_buffers(node: dict[str, Any]) -> int:
    if node["Node Type"] == "CTE Scan":  # what it says was read stands at the part that it reads
        return 0
    return max(0, _buffers(node) - sum(_buffers(child) for child in node.get("Plans", ())))


@dataclass
class Plans:
    """Every plan that was seen, by who asked."""

    seen: list[Plan] = field(default_factory=list)

    def add(self, statement: str, explained: Any, asker: Asker | None = None) -> None:
        asker = asker or asking()
        if asker is not None:
            self.seen.append(Plan(asker, " ".join(statement.split()), explained[0]["Plan"]))

    @property
    def askers(self) -> set[Asker]:
        return {plan.asker for plan in self.seen}

    def of(self, asker: Asker) -> list[Plan]:
        return [plan for plan in self.seen if plan.asker == asker]


def asking() -> Asker | None:
    """The function of the program that speaks to the database now."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        path = frame.f_code.co_filename.removeprefix(f"{CHECKOUT}/")
        if path.startswith(tuple(f"{room}/" for room in ROOMS)) and path not in CARRIERS:
            return path, frame.f_code.co_name
    return None


def explaining_pool(url: str, plans: Plans) -> Pool:
    """A pool as the program's own, whose connections explain themselves."""

    class Cursor(psycopg.AsyncCursor[TupleRow]):
        async def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
            text = query.as_string(self) if isinstance(query, sql.Composable) else str(query)
            if ASKS_A_TABLE.match(text):
                async with self.connection.transaction(force_rollback=True):
                    asked = psycopg.AsyncCursor(self.connection, row_factory=tuple_row)
                    await asked.execute(sql.SQL(EXPLAIN) + sql.SQL(text), params)  # type: ignore[arg-type]
                    row = await asked.fetchone()
                    assert row is not None
                    plans.add(text, row[0])
            return await super().execute(query, params, **how)

    async def explaining(connection: Any) -> None:
        connection.cursor_factory = Cursor

    return psycopg_pool_of(url, explaining)


def psycopg_pool_of(url: str, configure: Any) -> Pool:
    from psycopg_pool import AsyncConnectionPool

    return AsyncConnectionPool(
        url, min_size=1, max_size=2, open=False, configure=configure, kwargs={"autocommit": True}
    )


def explaining_pages(plans: Plans) -> Any:
    """The same for Django's own statements: a wrapper for its connection's `execute_wrapper`."""

    def explain(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        begin = SETS.match(statement).end()  # type: ignore[union-attr]
        sets, asks = statement[:begin], statement[begin:]
        if not many and ASKS_A_TABLE.match(asks):
            server = context["connection"].connection
            with server.transaction(force_rollback=True), server.cursor() as cursor:
                if sets:
                    cursor.execute(sets)
                cursor.execute(EXPLAIN + asks, params)
                plans.add(asks, cursor.fetchone()[0])
        return execute(statement, params, many, context)

    return explain
