"""One process beside two doors, a site and two workers: what each sells, and how soon each stops.

python3 manage.py test tests/benchmarks/long_scale_out.py -s
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sellers.listings import pause
from sellers.profile.directory import find
from tests.benchmarks.lasting import wallets
from tests.benchmarks.scale_out import paid_per_second, seconds_until, sign_ahead
from tests.faults.invariants import check
from tests.fixtures.production import missing, running_production
from tests.fixtures.stack import Stack, running_stack

CALLS, CONNECTIONS = 1_500, 64


def measure(name: str, stack: Stack, doors: int) -> None:
    sold, buyers = stack.sell(dollars="0.001"), wallets(stack, CONNECTIONS)
    urls = [stack.url(sold.path, door) for door in range(doors)]
    payments = sign_ahead(urls[0], buyers, CALLS)
    speed = paid_per_second(urls, payments, CONNECTIONS)
    unfinished = "select count(*) from payments_progress where money <> 'confirmed'"
    stack.wait_until(lambda: stack.rows(unfinished) == [(0,)], "all is booked", 120)
    check(stack.database_url, chain=stack.chain)
    with stack.database():
        pause(find(sold.path).pk)
    seen = seconds_until(urls, 503)
    sys.stderr.write(f"{name}: {speed:.0f} paid calls/s; a pause is seen after {seen:.2f} s\n")


def test_side_by_side(tmp_path: Path, anvil_binary: Path, django_db_blocker: Any) -> None:
    if lacking := missing():
        pytest.skip(f"production needs: {lacking}")
    limits = {"SOUK_LISTING_IN_FLIGHT_MAX": "500"}
    for turn in range(2):
        folder = tmp_path / f"{turn}"
        with running_stack(
            folder / "one", anvil_binary, django_db_blocker, webs=1, **limits
        ) as stack:
            measure("one process and one worker", stack, 1)
        (folder / "many").mkdir(mode=0o755)
        with running_production(
            folder / "many", anvil_binary, django_db_blocker, **limits
        ) as production:
            measure("two doors, a site, two workers", production, 2)
