"""The long run: 100 000 quotes and 10 000 paid calls. Too long for the suite, so named apart.

python3 manage.py test tests/benchmarks/long_endurance.py -s
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.endurance import FLAT, run
from tests.benchmarks.lasting import lasting_stack, running, wallets
from tests.faults.invariants import check

CHALLENGES, PAID = 100_000, 10_000
BUYERS = 64


def say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def test_nothing_grows(tmp_path: Path, anvil_binary: Path, django_db_blocker: Any) -> None:
    with lasting_stack(tmp_path / "stack", anvil_binary, django_db_blocker) as (stack, sold):
        buyers = wallets(stack, BUYERS)
        report = run(
            running(stack, sold), buyers, challenges=CHALLENGES, paid=PAID, say=say,
            connections=BUYERS,
        )  # fmt: skip
        for line in report.lines():
            say(line)
        assert report.refused == []
        assert [name for name in report.samples if abs(report.growth(name)) > FLAT] == []
        assert report.slow == {}
        unfinished = "select count(*) from payments_progress where money <> 'confirmed'"
        stack.wait_until(lambda: stack.rows(unfinished) == [(0,)], "all is booked", 120)
        check(stack.database_url, chain=stack.chain)
