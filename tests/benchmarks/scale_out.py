"""Paid calls a second through any number of doors, with payments that were signed before.

The benchmarks may call it with whatever doors they started; by hand, both in one run:

    python3 manage.py test tests/benchmarks/long_scale_out.py -s
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.endurance import Line
from tests.fixtures.cast import Person
from tests.fixtures.wallet import ask, authorize, pack


def sign_ahead(url: str, buyers: Sequence[Person], count: int) -> list[str]:
    """So many payments for one listing, from the buyers in turn."""
    challenge = ask(url).challenge
    return [pack(authorize(challenge, buyers[at % len(buyers)])) for at in range(count)]


def paid_per_second(doors: Sequence[str], payments: Sequence[str], connections: int) -> float:
    """Each connection keeps to one door; a call that is not answered with 200 ends the run."""

    def buy(first: int) -> int:
        line, bought = Line(doors[first % len(doors)]), 0
        for payment in payments[first::connections]:
            status, _, body = line.get({"PAYMENT-SIGNATURE": payment})
            assert status == 200, body
            bought += 1
        line.http.close()
        return bought

    with ThreadPoolExecutor(connections) as callers:
        started = time.monotonic()
        bought = sum(callers.map(buy, range(connections)))
        return bought / (time.monotonic() - started)


def seconds_until(urls: Sequence[str], status: int) -> float:
    """How long it takes until every door answers so."""
    started = time.monotonic()
    while not all(ask(url).status == status for url in urls):
        time.sleep(0.01)
    return time.monotonic() - started
