"""Paid calls beside what a plain proxy passes on: the price of being paid."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks import wrk
from tests.benchmarks.figures import median, ratios, short
from tests.benchmarks.load import Target
from tests.benchmarks.report import Line
from tests.benchmarks.stage import Round, say

BUYERS = 64
GOAL = 8


class ShareOfPlainProxy:
    name = "proxy"
    needs = ("nginx", "wrk")

    def collect(self, this_round: Round) -> dict[str, float]:
        stage = this_round.stage
        ours = this_round.paid(stage.ours("instant"), BUYERS).window.rate
        target = Target(stage.nginx.proxy, "/weather")
        plain = wrk.requests_per_second(target, stage.seconds / 2, status=200)
        say(f"  nginx as a plain proxy: {plain:.0f} calls/s")
        return {"Souk, instant": ours, "nginx as a plain proxy": plain}

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        ours = [sample["Souk, instant"] for sample in samples]
        plain = [sample["nginx as a plain proxy"] for sample in samples]
        values = [100 * value for value in ratios(ours, plain)]
        return [
            Line(
                measure="paid calls/s, instant release, % of nginx as a plain proxy",
                goal=f"≥ {GOAL}",
                values=tuple(values),
                reached=median(values) >= GOAL,
                absolute=f"{short(median(ours))} of {short(median(plain))} calls/s",
                compares="nginx, one process, to the same endpoint, nothing paid",
            )
        ]
