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


# About how many seconds they take, one worker alone. What is begun last would keep one worker busy
# while the others have nothing left to take, and what starts much is started by one worker only.
LONG = {
    "tests/end_to_end/test_production_stack.py": 120,
    "tests/faults/mutants/test_mutants.py": 300,
    "tests/end_to_end/test_restore.py": 40,
    "tests/end_to_end/test_demo.py": 60,
    "tests/end_to_end/test_crowded_pool.py": 30,
    "_shared_market": 600,
    "_counter": 120,
    "_shared_stack": 300,
}
# What stands beside it, in the same files.
WITH = {"browser": "_shared_stack", "killable": "_shared_market"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker is given as many tests in a row: what is long stands where these begin."""
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    groups: dict[str, list[pytest.Item]] = {name: [] for name in ["", *LONG]}
    for each in items:
        groups[_group_of(each)].append(each)
    heads: list[list[pytest.Item]] = [[] for _ in range(shares)]
    seconds = [0] * shares
    for name in sorted((each for each in LONG if groups[each]), key=LONG.__getitem__, reverse=True):
        at = seconds.index(min(seconds))
        heads[at] += groups[name]
        seconds[at] += LONG[name]
    rest = iter(groups[""])
    size = len(items) // shares
    begun = [[*head, *islice(rest, max(0, size - len(head)))] for head in heads]
    items[:] = [*chain.from_iterable(begun), *rest]


def _group_of(item: pytest.Item) -> str:
    """The file it stands in, or what it needs that takes long to start, if that is long."""
    names = {item.nodeid.partition("::")[0], *getattr(item, "fixturenames", ())}
    names |= {WITH[each] for each in WITH.keys() & names}
    return next((each for each in LONG if each in names), "")


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
