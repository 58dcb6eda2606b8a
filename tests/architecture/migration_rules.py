"""What a migration may do while calls go on, and while the release before still runs.

A rolling restart has old and new code side by side on the new tables: what old code reads must
still be there, and what it does not know must fill itself in. And nobody may hold a big table for
as long as it takes to read all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# The last of each app before the first release: nobody's tables are older. Further apps begin
# with what they make anew.
FIRST_RELEASE = {"payments": 19, "sellers": 22, "accounts": 3, "catalog": 1}

# They grow with every paid call, or with every look at a listing.
BIG = frozenset(
    {
        "payments_payment",
        "payments_progress",
        "payments_step",
        "payments_answer",
        "payments_answerbody",
        "payments_streampart",
        "payments_transfer",
        "payments_receipt",
        "payments_broadcast",
        "payments_submission",
        "payments_counted",
        "payments_buyerday",
        "payments_earningsday",
        "payments_cap",
        "payments_challengecount",
        "sellers_delivery",
        "sellers_proberesult",
        "sellers_catalogchange",
    }
)

# A second step takes away what the release before has stopped using: its name, and why it may.
SECOND_STEPS: dict[str, str] = {}
# What old code could stumble over and does not: its name, and why.
# tests/benchmarks/long_upgrade.py runs the release before beside it.
HARMLESS = {
    "payments.0026_payments_guarded_by_column": "the guard refuses what it refused before: old code"
    " changes nothing of a payment but to wipe its signature",
    "payments.0033_sums_of_payments_sent_again": "the guard refuses no more than before: old code"
    " never changes which sums a payment counts in",
    "sellers.0025_buyers_webhooks": "old code writes webhooks of sellers alone, and finds those"
    " that it sends by their seller",
    "sellers.0030_buyers_notices": "old code writes notices of sellers alone, and finds those that"
    " it shows and writes letters about by their seller",
}

_TABLE = r'(?:if\s+exists\s+)?(?:only\s+)?"?(\w+)"?'
_HOLDS = {
    "builds an index while nobody can write: create it concurrently": re.compile(
        rf"\bcreate\s+(?:unique\s+)?index\s+(?!concurrently)[^;]*?\bon\s+{_TABLE}"
    ),
    "reads every row for a new constraint: add it as not valid, and validate it after": re.compile(
        rf"\balter\s+table\s+{_TABLE}[^;]*?\badd\s+constraint\b(?![^;]*\bnot\s+valid\b)"
        r"(?![^;]*\busing\s+index\b)"
    ),
    "reads every row: add a constraint that it is not null, and validate it": re.compile(
        rf"\balter\s+table\s+{_TABLE}[^;]*?\bset\s+not\s+null\b"
    ),
    "writes every row anew: add another column": re.compile(
        rf"\balter\s+table\s+{_TABLE}[^;]*?\balter\s+column\s+\S+\s+(?:set\s+data\s+)?type\b"
    ),
    "changes every row in one go: have the worker do it, some at a time": re.compile(
        rf"\bupdate\s+{_TABLE}(?:\s+\w+)?\s+set\b"
    ),
}
_BUILDS = re.compile(
    r'\bcreate\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?"?(?P<name>\w+)'
)
# In SQL of our own, of whose tables Django is told nothing.
_BREAKS = {
    "old code still reads it; it goes a release later": re.compile(
        rf"\bdrop\s+table\s+{_TABLE}"
        rf"|\balter\s+table\s+{_TABLE}[^;]*?\b(?:rename|drop\s+(?!constraint\b|default\b))"
    ),
    "old code may write what it refuses": re.compile(
        rf"\balter\s+table\s+{_TABLE}[^;]*?\b(?:add\s+constraint|set\s+not\s+null)\b"
        rf"|\bcreate\s+unique\s+index\b[^;]*?\bon\s+{_TABLE}"
        rf"|\bcreate\s+(?:constraint\s+)?trigger\b[^;]*?\bon\s+{_TABLE}"
    ),
    "old code counts on it when it writes": re.compile(
        rf"\balter\s+table\s+{_TABLE}[^;]*?\bdrop\s+(?:constraint|default)\b"
    ),
}


def holds_a_big_table(sql: str, made_here: frozenset[str] = frozenset()) -> Iterator[str]:
    """Statements that keep others from a big table for longer than an instant."""
    text = re.sub(r"--[^\n]*", "", sql).lower()
    for why, pattern in _HOLDS.items():
        for table in pattern.findall(text):
            if table in BIG - made_here:
                yield f"{table}: {why}"


def cannot_be_repeated(sql: str) -> Iterator[str]:
    """Indexes whose build, once it was cut off, no later `migrate` gets past."""
    text = re.sub(r"--[^\n]*", "", sql).lower()
    for found in _BUILDS.finditer(text):
        name = found["name"]
        before = re.escape(f"drop index concurrently if exists {name}")
        if not re.search(rf"{before}(?![\w])", text[: found.start()].replace('"', "")):
            builds = "payments.database.index_builds"
            yield f"{name}: a build that is cut off leaves its name; use {builds}"


def breaks_old_code(migration: migrations.Migration, before: ProjectState) -> Iterator[str]:
    """What the release before would miss, or would not know to fill in."""
    app, known = migration.app_label, before.models
    for operation in _flat(migration.operations):
        name = getattr(operation, "model_name", getattr(operation, "name", "")).lower()
        if (app, name) not in known:
            continue  # made in this very migration
        if isinstance(operation, migrations.RemoveField | migrations.RenameField):
            yield f"{name}: old code still reads the column; it goes a release later"
        if isinstance(operation, migrations.DeleteModel | migrations.AlterModelTable):
            yield f"{name}: old code still reads the table; it goes a release later"
        if isinstance(operation, migrations.AddField) and not _fills_itself(operation.field):
            yield f"{name}.{operation.name}: old code does not fill it in; give it a db_default"
        if isinstance(operation, migrations.AddConstraint):
            yield f"{name}: old code may write what {operation.constraint.name} refuses"
        if isinstance(operation, migrations.RemoveConstraint):
            yield f"{name}: old code counts on {operation.name} when it writes"
        if isinstance(operation, migrations.AlterField):
            old = known[app, name].fields.get(operation.name, operation.field)
            yield from _otherwise(f"{name}.{operation.name}", old, operation.field)
    for operation in _flat(migration.operations):
        renamed = isinstance(operation, migrations.RenameModel)
        if renamed and (app, operation.old_name.lower()) in known:
            yield f"{operation.old_name}: old code still reads the table by its name"
        if isinstance(operation, migrations.RunSQL):
            yield from _breaks_in_sql(operation.sql, _tables(before))


def _otherwise(name: str, old: models.Field, new: models.Field) -> Iterator[str]:
    """What a field that is another now holds, or refuses, that old code does not know of."""
    if (old.null, old.unique) != (new.null, new.unique):
        yield f"{name}: old code reads and writes it as it was, empty or not, once or twice"
    if old.has_db_default() and not new.has_db_default():
        yield f"{name}: old code counts on its default"
    if old.get_internal_type() != new.get_internal_type():
        yield f"{name}: old code reads and writes another type"


def _tables(before: ProjectState) -> set[str]:
    return {
        model.options.get("db_table") or f"{app}_{name}"
        for (app, name), model in before.models.items()
    }


def _breaks_in_sql(sql: Any, known: set[str]) -> Iterator[str]:
    statements = [sql] if isinstance(sql, str) else sql
    parts = (each if isinstance(each, str) else each[0] for each in statements)
    text = re.sub(r"--[^\n]*", "", ";".join(parts)).lower()
    for why, pattern in _BREAKS.items():
        for found in pattern.finditer(text):
            table = next(filter(None, found.groups()))
            if table in known:
                yield f"{table}: {why}"


def _fills_itself(field: models.Field) -> bool:
    return bool(field.null or field.has_db_default() or field.many_to_many)


def _flat(operations: list[Operation]) -> Iterator[Operation]:
    """What is done to the state alone counts as well: old code is of the old state."""
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def is_after_the_first_release(app: str, name: str) -> bool:
    return int(name[:4]) > FIRST_RELEASE.get(app, 0)
