"""Requests and faults in any order: replay one with `--fault-seed N`."""

from __future__ import annotations

import pytest

from tests.faults.market import Market
from tests.faults.script import Performance, write

FRESH = (2, 10, 22)
KEPT = (36,)  # seeds that failed once


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        given = metafunc.config.getoption("--fault-seed", default=None)
        metafunc.parametrize("seed", [given] if given is not None else [*FRESH, *KEPT])


def test_whatever_happens_every_invariant_holds(market: Market, seed: int) -> None:
    performance = Performance(market)
    performance.prepare()
    for step in write(seed):
        print(*step)  # shown when this fails
        performance.play(step)
    performance.end()
    market.quiet()
    market.check()
    market.buy()


def test_a_seed_is_always_the_same_script() -> None:
    assert write(7) == write(7)
    assert write(7) != write(8)
