"""The receipts of a wallet with a hundred thousand payments, among ten million."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.figures import median, short
from tests.benchmarks.report import Line
from tests.benchmarks.rows.earnings import measure
from tests.benchmarks.stage import Round, say

GOAL_MS = 20
FIRST = "first page, p50 ms"


class ReceiptsPage:
    name = "receipts"
    needs = ()

    def collect(self, this_round: Round) -> dict[str, float]:
        found = measure(this_round.stage, "receipts")
        say(f"  receipts: {found}")
        return found

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        first = [sample[FIRST] for sample in samples]
        return [
            Line(
                measure="receipts of a wallet with 100 000 of 10 million payments, p50, ms",
                goal=f"≤ {GOAL_MS}",
                values=tuple(first),
                reached=median(first) <= GOAL_MS,
                absolute=f"{short(median(first))} ms",
                compares="nothing; from request to response in one process, its database beside it",
            )
        ]
