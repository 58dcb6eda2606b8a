"""What one paid call takes of the processor, over all of Souk's processes."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.figures import median, short
from tests.benchmarks.paid import per_call_us
from tests.benchmarks.report import Line
from tests.benchmarks.stage import OURS, Round

BUYERS = 64
GOAL_US = 400


class ProcessorPerCall:
    name = "processor"
    needs = ("nginx",)

    def collect(self, this_round: Round) -> dict[str, float]:
        window = this_round.paid(this_round.stage.ours("instant"), BUYERS).window
        found = {f"{name}, µs": per_call_us(window, [name]) for name in OURS}
        return {"together, µs": per_call_us(window, OURS), **found}

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        values = [sample["together, µs"] for sample in samples]
        parts = ", ".join(
            f"{name} {short(median([sample[f'{name}, µs'] for sample in samples]))}"
            for name in OURS
        )
        return [
            Line(
                measure=f"processor time of all our processes, each paid call, {BUYERS} buyers, µs",
                goal=f"≤ {GOAL_US}",
                values=tuple(values),
                reached=median(values) <= GOAL_US,
                absolute=parts,
                compares="nothing; instant release, booking and receipts included",
            )
        ]
