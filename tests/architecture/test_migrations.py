"""Migrations run beside paid calls and beside the release before; each rule finds a breach."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import pytest
from django.apps import apps
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.architecture.migration_rules import (
    BIG,
    HARMLESS,
    SECOND_STEPS,
    breaks_old_code,
    cannot_be_repeated,
    holds_a_big_table,
    is_after_the_first_release,
)

PACKAGES = {"payments", "sellers", "marketplace"}


@dataclass(frozen=True, slots=True)
class History:
    """Our migrations in the order in which they run, each with what stood before it."""

    nodes: dict[tuple[str, str], migrations.Migration]
    before: dict[tuple[str, str], ProjectState]
    now: ProjectState


@pytest.fixture(scope="module")
def history() -> History:
    """Walked once: from the first migration to each is a way that grows with every one."""
    loader = MigrationLoader(None)
    here = {each.label for each in apps.get_app_configs() if each.name.split(".")[0] in PACKAGES}
    history = History({}, {}, ProjectState(real_apps=loader.unmigrated_apps))
    plans = map(loader.graph.forwards_plan, loader.graph.leaf_nodes())
    for key in dict.fromkeys(chain.from_iterable(plans)):
        migration = loader.graph.nodes[key]
        if key[0] in here:
            history.nodes[key], history.before[key] = migration, history.now.clone()
        migration.mutate_state(history.now, preserve=False)
    return history


def test_every_big_table_is_one_of_ours(history: History) -> None:
    tables = {
        model.options.get("db_table") or f"{app}_{name}"
        for (app, name), model in history.now.models.items()
    }
    assert tables >= BIG


def test_no_migration_takes_from_the_release_before(history: History) -> None:
    found = [
        f"{app}.{name}: {breach}"
        for (app, name), migration in history.nodes.items()
        if is_after_the_first_release(app, name) and f"{app}.{name}" not in SECOND_STEPS | HARMLESS
        for breach in breaks_old_code(migration, history.before[app, name])
    ]
    assert found == []


def sql_of(history: History, app: str, name: str) -> str:
    """As it would run, with the statements of its own functions."""
    migration, state = history.nodes[app, name], history.before[app, name].clone()
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(state, editor, collect_sql=True)
    return "\n".join(editor.collected_sql)


def test_no_migration_holds_a_big_table(transactional_db: None, history: History) -> None:
    """Outside of a transaction, as an index that is created concurrently has to be."""
    found = []
    for (app, name), migration in history.nodes.items():
        if is_after_the_first_release(app, name):
            made = frozenset(
                f"{app}_{each.name.lower()}"
                for each in migration.operations
                if isinstance(each, migrations.CreateModel)
            )
            sql = sql_of(history, app, name)
            found += [f"{app}.{name}: {breach}" for breach in holds_a_big_table(sql, made)]
    assert found == []


BUILDERS = (
    "0016_spend_by_payer",
    "0023_unanswered_payments",
    "0030_payments_by_identifier",
    "0032_what_is_to_be_sent",
)


def test_every_index_that_is_built_beside_calls_can_be_built_again(
    transactional_db: None, history: History
) -> None:
    found = [
        f"{app}.{name}: {breach}"
        for (app, name), migration in history.nodes.items()
        if not migration.atomic
        for breach in cannot_be_repeated(sql_of(history, app, name))
    ]
    assert found == []


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE INDEX CONCURRENTLY "by_time" ON "payments_transfer" ("at")',
        "create unique index concurrently if not exists once on payments_step (at)",
        'DROP INDEX CONCURRENTLY IF EXISTS "by"; CREATE INDEX CONCURRENTLY "by_time" ON "a" ("b")',
        'CREATE INDEX CONCURRENTLY "by" ON "a" ("b"); DROP INDEX CONCURRENTLY IF EXISTS "by"',
    ],
)
def test_an_index_that_can_be_built_only_once_is_found(sql: str) -> None:
    assert len(list(cannot_be_repeated(sql))) == 1


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("is_valid", [True, False])
def test_a_migration_whose_index_is_there_already_runs_again(
    transactional_db: None, history: History, name: str, is_valid: bool
) -> None:
    """As one that was killed left it: built and not written down, or half-built."""
    migration = history.nodes["payments", name]
    (builds,) = migration.operations
    index = builds.index.name
    with connection.cursor() as cursor:
        mark = "update pg_index set indisvalid = %s where indexrelid = %s::regclass"
        cursor.execute(mark, (is_valid, index))
        assert cursor.rowcount == 1
    state = history.before["payments", name].clone()
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(state, editor)
    with connection.cursor() as cursor:
        cursor.execute("select indisvalid from pg_index where indexrelid = %s::regclass", (index,))
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE INDEX "by_time" ON "payments_transfer" ("at")',
        "create unique index once on only payments_step (at)",
        'ALTER TABLE "payments_cap" ADD CONSTRAINT "positive" CHECK ("used" >= 0)',
        'ALTER TABLE "payments_payment" ALTER COLUMN "title" SET NOT NULL',
        'ALTER TABLE "payments_payment" ALTER COLUMN "title" TYPE varchar(9)',
        "update payments_progress g\n   set sought = null",
    ],
)
def test_a_statement_that_holds_a_big_table_is_found(sql: str) -> None:
    assert len(list(holds_a_big_table(sql))) == 1
    assert list(holds_a_big_table(sql, BIG)) == []
    assert list(holds_a_big_table(of_a_small_table(sql))) == []


def of_a_small_table(sql: str) -> str:
    for table in BIG:
        sql = sql.replace(table, "sellers_profile")
    return sql


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE INDEX CONCURRENTLY "by_time" ON "payments_transfer" ("at")',
        'ALTER TABLE "payments_cap" ADD CONSTRAINT "positive" CHECK ("used" >= 0) NOT VALID',
        'ALTER TABLE "payments_cap" VALIDATE CONSTRAINT "positive"',
        "ALTER TABLE payments_cap ADD CONSTRAINT once UNIQUE USING INDEX by_key",
        'ALTER TABLE "payments_payment" ADD COLUMN "note" text DEFAULT \'\' NOT NULL',
        'ALTER TABLE "payments_payment" DROP COLUMN "note" CASCADE',
    ],
)
def test_a_statement_of_an_instant_is_none(sql: str) -> None:
    assert list(holds_a_big_table(sql)) == []


def test_the_rules_see_what_was_done_before_the_first_release(db: None, history: History) -> None:
    assert list(holds_a_big_table(sql_of(history, "payments", "0009_retention_and_hot_queries")))


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("payment", "note", models.TextField(default="")),
        migrations.RemoveField("payment", "title"),
        migrations.RenameField("payment", "title", "name"),
        migrations.DeleteModel("Payment"),
        migrations.RenameModel("Payment", "Sale"),
        migrations.SeparateDatabaseAndState([migrations.RemoveField("payment", "title")]),
        migrations.AddConstraint(
            "payment", models.CheckConstraint(condition=models.Q(title="x"), name="titled")
        ),
        migrations.RemoveConstraint("payment", "payment_identity"),
        migrations.AlterField("payment", "title", models.TextField(null=True)),
        migrations.AlterField("payment", "title", models.TextField(unique=True)),
        migrations.AlterField("payment", "title", models.BinaryField()),
        migrations.AlterField("cap", "on_trust_atomic", models.DecimalField(max_digits=78)),
        migrations.RunSQL("alter table payments_payment drop column title"),
        migrations.RunSQL(["drop table if exists payments_payment"]),
        migrations.RunSQL('alter table "payments_payment" rename title to name'),
        migrations.RunSQL([("alter table payments_payment alter title set not null", None)]),
        migrations.RunSQL("create unique index once on only payments_payment (title)"),
        migrations.RunSQL(
            "create trigger payment_titled before insert on payments_payment"
            " for each row execute function payments_never()"
        ),
        migrations.RunSQL("alter table payments_payment drop constraint payment_identity"),
        migrations.RunSQL("alter table payments_cap alter used_atomic drop default"),
    ],
)
def test_what_old_code_would_miss_is_found(history: History, operation: object) -> None:
    assert len(planted(history, operation)) == 1


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("payment", "note", models.TextField(null=True)),
        migrations.AddField("payment", "note", models.TextField(db_default="")),
        migrations.CreateModel("Note", [("id", models.AutoField(primary_key=True))]),
        migrations.SeparateDatabaseAndState([], [migrations.RemoveField("payment", "title")]),
        migrations.AlterField("payment", "title", models.TextField(default="untitled")),
        migrations.RunSQL("create trigger t before insert on notes execute function f()"),
        migrations.RunSQL("create index concurrently by_title on payments_payment (title)"),
        migrations.RunSQL("insert into notes values (1); drop function f()"),
    ],
)
def test_what_old_code_does_not_notice_is_none(history: History, operation: object) -> None:
    assert planted(history, operation) == []


def planted(history: History, operation: object) -> list[str]:
    migration = migrations.Migration("9999_planted", "payments")
    migration.operations = [operation]
    return list(breaks_old_code(migration, history.now))
