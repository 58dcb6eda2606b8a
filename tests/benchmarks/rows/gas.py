"""What a payment costs in gas: one alone, and fifty together."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import uvloop

from tests.benchmarks.figures import median, short
from tests.benchmarks.paid import pay_once
from tests.benchmarks.report import Line
from tests.benchmarks.stage import Round, Stage, say
from tests.benchmarks.waiting import Failed, wait_until

TOGETHER = 50
GOAL = 0.60


class GasOfABatch:
    name = "gas"
    needs = ("nginx",)

    def collect(self, this_round: Round) -> dict[str, float]:
        """Gas is the same in every round: it is looked at once."""
        return this_round.stage.part("gas", lambda: measure(this_round.stage))

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        alone = [sample["alone"] for sample in samples]
        together = [sample[f"each of {TOGETHER}"] for sample in samples]
        values = [each / one for each, one in zip(together, alone, strict=True)]
        return [
            Line(
                measure=f"gas of a payment among {TOGETHER} in one transaction ÷ alone",
                goal=f"≤ {GOAL}",
                values=tuple(values),
                reached=median(values) <= GOAL,
                absolute=f"{short(median(together))} ÷ {short(median(alone))} gas",
                compares="Souk's own transactions, from their receipts",
            )
        ]


def measure(stage: Stage) -> dict[str, float]:
    uvloop.run(pay_once(stage.bench, stage.souk.target("hold"), 1))  # the wallets' first is dearer
    found = {"alone": gas_of(stage, 1), f"each of {TOGETHER}": gas_of(stage, TOGETHER)}
    say(f"  gas: {found}")
    return found


def gas_of(stage: Stage, count: int) -> float:
    """The gas of each of so many payments that the worker finds at once."""
    souk = stage.souk
    souk.settle_all()
    before = stage.node.height
    worker = souk.programs["worker"].pid

    def when_all_wait() -> None:
        wait_until(lambda: answered(stage) == count, f"{count} answers stored")
        os.killpg(worker, signal.SIGCONT)

    os.killpg(worker, signal.SIGSTOP)
    try:
        uvloop.run(pay_once(stage.bench, souk.target("hold"), count, when_all_wait))
    finally:
        os.killpg(worker, signal.SIGCONT)
    used = stage.node.used_nonces(before, stage.node.height)
    transactions = {transaction for _, transaction in used.values()}
    if len(used) != count or len(transactions) != 1:
        raise Failed(f"{count} payments went out in {len(transactions)} transactions")
    receipt = stage.node.ask("eth_getTransactionReceipt", transactions.pop())
    return int(receipt["gasUsed"], 16) / count


def answered(stage: Stage) -> int:
    found = stage.souk.rows(
        "select count(*) from payments_progress where work = 'answered' and money = 'none'"
    )
    return int(found[0][0])
