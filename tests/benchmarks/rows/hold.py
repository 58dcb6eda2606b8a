"""Paid calls a second with hold release, against every official stack, few buyers and many."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.figures import best, median, ratios
from tests.benchmarks.peers import MIDDLEWARES
from tests.benchmarks.report import Line
from tests.benchmarks.rows.lines import absolute
from tests.benchmarks.stage import Round

FEW, MANY = 64, 512
GOALS = {FEW: 5, MANY: 20}
FASTEST = 1  # of the official stacks, by the calls of few buyers, are asked to serve many


class HoldAgainstOfficial:
    name = "hold"
    needs = ("nginx", "node")

    def collect(self, this_round: Round) -> dict[str, float]:
        stage = this_round.stage
        found = {
            f"Souk, hold × {buyers}": this_round.paid(stage.ours("hold"), buyers).window.rate
            for buyers in (FEW, MANY)
        }
        official = {
            middleware: this_round.paid(stage.official(middleware), FEW).window.rate
            for middleware in MIDDLEWARES
        }
        found |= {f"{middleware} × {FEW}": rate for middleware, rate in official.items()}
        for middleware in sorted(official, key=lambda each: -official[each])[:FASTEST]:
            rate = this_round.paid(stage.official(middleware), MANY).window.rate
            found[f"{middleware} × {MANY}"] = rate
        return found

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        return [self._line(samples, buyers) for buyers in (FEW, MANY)]

    def _line(self, samples: Sequence[dict[str, float]], buyers: int) -> Line:
        names = [f"{middleware} × {buyers}" for middleware in MIDDLEWARES]
        rivals = [{name: s[name] for name in names if name in s} for s in samples]
        rival = best(rivals)
        ours = [sample[f"Souk, hold × {buyers}"] for sample in samples]
        theirs = [sample.get(rival, max(known.values())) for sample, known in
                  zip(samples, rivals, strict=True)]  # fmt: skip
        values = ratios(ours, theirs)
        return Line(
            measure=f"paid calls/s, hold release, {buyers} buyers ÷ best official stack",
            goal=f"≥ {GOALS[buyers]}",
            values=tuple(values),
            reached=median(values) >= GOALS[buyers],
            absolute=absolute(ours, theirs, "calls/s"),
            compares=f"{rival.partition(' ×')[0]}; the same promise. With blocks of 1 s nobody can"
            f" come above {buyers} a second",
        )
