"""Paid calls a second with instant release, against every official stack."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.figures import best, median, ratios
from tests.benchmarks.peers import MIDDLEWARES
from tests.benchmarks.report import Line
from tests.benchmarks.rows.lines import absolute
from tests.benchmarks.stage import Round

BUYERS = 64
OURS = "Souk, instant"
YES = " with yes"


class InstantAgainstOfficial:
    name = "instant"
    needs = ("nginx", "node")

    def collect(self, this_round: Round) -> dict[str, float]:
        stage = this_round.stage
        found = {OURS: this_round.paid(stage.ours("instant"), BUYERS).window.rate}
        for middleware in MIDDLEWARES:
            official = this_round.paid(stage.official(middleware), BUYERS)
            found[middleware] = official.window.rate
            found[middleware + YES] = this_round.paid(
                stage.with_yes(middleware), BUYERS
            ).window.rate
        return found

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        ours = [sample[OURS] for sample in samples]
        official = best([{m: sample[m] for m in MIDDLEWARES} for sample in samples])
        yes = best([{m + YES: sample[m + YES] for m in MIDDLEWARES} for sample in samples])
        return [
            self._line(ours, samples, official, 60, "best official stack", "another promise: "
                       "the official stack waits for the chain"),
            self._line(ours, samples, yes, 5, "best official middleware with yes",
                       "Souk's payments are on chain, the peer's never"),
        ]  # fmt: skip

    def _line(
        self,
        ours: Sequence[float],
        samples: Sequence[dict[str, float]],
        rival: str,
        goal: float,
        called: str,
        promise: str,
    ) -> Line:
        theirs = [sample[rival] for sample in samples]
        values = ratios(ours, theirs)
        return Line(
            measure=f"paid calls/s, instant release, {BUYERS} buyers ÷ {called}",
            goal=f"≥ {goal}",
            values=tuple(values),
            reached=median(values) >= goal,
            absolute=absolute(ours, theirs, "calls/s"),
            compares=f"{rival}; {promise}",
        )
