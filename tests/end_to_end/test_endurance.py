"""Thousands of quotes and hundreds of paid calls leave nothing behind in what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.endurance import run
from tests.benchmarks.lasting import lasting_stack, running, wallets
from tests.faults.invariants import check

CHALLENGES, PAID, SLICES, BUYERS = 3_000, 300, 6, 16
# A process fills its caches for a while; the long run, which is no test, holds it to a tenth.
GROWTH_MAX = 0.25
FILES_MAX = 24  # connections to the node and to the seller that happen to be open just now


def test_nothing_is_left_behind(tmp_path: Path, anvil_binary: Path, django_db_blocker: Any) -> None:
    with lasting_stack(tmp_path / "stack", anvil_binary, django_db_blocker) as (stack, sold):
        report = run(
            running(stack, sold),
            wallets(stack, BUYERS),
            challenges=CHALLENGES,
            paid=PAID,
            slices=SLICES,
            connections=BUYERS,
        )

        assert report.refused == []
        assert (report.challenges, report.paid) == (CHALLENGES, PAID)
        for name in report.samples:
            assert report.growth(name) < GROWTH_MAX, "\n".join(report.lines())
            files = report.thirds(name, lambda sample: sample.files)
            assert files[1] - files[0] < FILES_MAX, "\n".join(report.lines())
        assert report.connections[-1] <= report.connections[0] + 8
        unfinished = "select count(*) from payments_progress where money <> 'confirmed'"
        stack.wait_until(lambda: stack.rows(unfinished) == [(0,)], "all is booked")
        check(stack.database_url, chain=stack.chain)
