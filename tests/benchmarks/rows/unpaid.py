"""Quotes a second: what it costs to say what a call costs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks import wrk
from tests.benchmarks.figures import median, ratios
from tests.benchmarks.report import Line
from tests.benchmarks.rows.lines import absolute
from tests.benchmarks.stage import Round, say

OURS, RAW = "Souk", "raw ASGI app"
GOALS = {"Hono": 4.0, "FastAPI": 10.0, RAW: 0.6}


class UnpaidQuotes:
    name = "unpaid"
    needs = ("nginx", "wrk", "node")

    def collect(self, this_round: Round) -> dict[str, float]:
        stage = this_round.stage
        targets = {
            OURS: stage.souk.target("hold"),
            "Hono": stage.with_yes("Hono").target,
            "FastAPI": stage.with_yes("FastAPI").target,
            RAW: stage.raw_asgi,
        }
        found = {}
        for name, target in targets.items():
            found[name] = wrk.requests_per_second(target, stage.seconds / 2, status=402)
            say(f"  {name}, unpaid: {found[name]:.0f} quotes/s")
        return found

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        ours = [sample[OURS] for sample in samples]
        return [self._line(ours, samples, rival, goal) for rival, goal in GOALS.items()]

    def _line(
        self,
        ours: Sequence[float],
        samples: Sequence[dict[str, float]],
        rival: str,
        goal: float,
    ) -> Line:
        theirs = [sample[rival] for sample in samples]
        values = ratios(ours, theirs)
        compares = (
            "the same bytes from an app of ten lines on the same server"
            if rival == RAW
            else "the official middleware; it makes the quote anew each time"
        )
        return Line(
            measure=f"unpaid 402/s ÷ {rival}",
            goal=f"≥ {goal:g}",
            values=tuple(values),
            reached=median(values) >= goal,
            absolute=absolute(ours, theirs, "/s"),
            compares=compares,
        )
