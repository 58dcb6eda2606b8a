"""A marketplace that can be hurt: one for each test process, checked after every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.market import HASTY_SECONDS, Market, open_market
from tests.fixtures.stack import SHARED


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fault-seed", type=int, default=None, help="replay one script of requests and faults"
    )


@pytest.fixture(scope="session")
def _shared_market(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("market")
    opened = open_market(folder, anvil_binary, django_db_blocker, hasty_seconds=HASTY_SECONDS)
    with opened as market:
        SHARED["_shared_market"] = market.stack
        yield market
        market.stack.wake()
        market.closes_well()


@pytest.fixture
def market(_shared_market: Market) -> Iterator[Market]:
    """The marketplace that the tests of this process share; afterwards every invariant holds."""
    _shared_market.heal()
    yield _shared_market
    _shared_market.ends_well()
