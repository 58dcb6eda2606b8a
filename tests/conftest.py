"""What every test shares: the fixtures by subject, and no clock deciding over a property."""

import gc
import os
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import hypothesis
import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from payments.loaded import keep_loaded

pytest.register_assert_rewrite("tests.fixtures")  # they import each other
pytest_plugins = [
    f"tests.fixtures.{path.stem}"
    for path in sorted(Path(__file__).parent.glob("fixtures/[a-z]*.py"))
]

# They import one another: all are known before the first is loaded.
pytest.register_assert_rewrite(*pytest_plugins)

# A property is true or false however slow the machine is.
hypothesis.settings.register_profile("souk", deadline=None)
hypothesis.settings.load_profile("souk")


# Begun last, they would keep one worker busy while the others have nothing left to take.
LONG = (
    "tests/end_to_end/test_production_stack.py",
    "tests/faults/mutants/test_mutants.py",
    "tests/end_to_end/test_restore.py",
    "tests/end_to_end/test_demo.py",
    "tests/end_to_end/test_crowded_pool.py",
    "tests/faults/test_database_lost.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker is given as many tests in a row: the long ones stand where these begin."""
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [[each for each in items if each.nodeid.startswith(name)] for name in LONG]
    heads = [list(chain.from_iterable(long[at::shares])) for at in range(shares)]
    first = {each.nodeid for group in long for each in group}
    rest = iter([each for each in items if each.nodeid not in first])
    size = len(items) // shares
    begun = [[*head, *islice(rest, max(0, size - len(head)))] for head in heads]
    items[:] = [*chain.from_iterable(begun), *rest]


def pytest_collection_finish() -> None:
    """All is loaded: of what follows, the garbage collector looks at nothing older."""
    keep_loaded()


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds manage.py."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The test database begins as a copy, and not with the first migration."""
    from tests.fixtures.stack import migrated_template

    connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, which can be dropped in the end.

    A listener that a short test cancelled while it was connecting leaves a session behind until
    the collector finds it, and PostgreSQL drops no database that somebody is connected to.
    """
    yield
    gc.collect()
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
