"""How long a held answer waits for anything but the block itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import uvloop

from tests.benchmarks.challenges import ask_price
from tests.benchmarks.figures import median, percentile, short
from tests.benchmarks.load import Load
from tests.benchmarks.node import Observer, observing
from tests.benchmarks.report import Line
from tests.benchmarks.signing import Signed, sign_many
from tests.benchmarks.stage import Round, Stage, say
from tests.benchmarks.waiting import Failed

PER_SECOND = 40.0
CONNECTIONS = 256
MARGIN_SECONDS = 0.03  # a block that is being made takes nothing more
SENT_MS, SEEN_50_MS, SEEN_99_MS = (
    "stored to accepted, p50 ms",
    "block to buyer, p50 ms",
    ("block to buyer, p99 ms"),
)
MISSED = "missed a block, %"
GOALS_MS = {SENT_MS: 30, SEEN_50_MS: 50, SEEN_99_MS: 250}
MEASURES = {
    SENT_MS: "hold release: answer stored → transaction accepted by the node, p50, ms",
    SEEN_50_MS: "hold release: block seen by an observer → first byte to the buyer, p50, ms",
    SEEN_99_MS: "the same, p99, ms",
}


class HoldLatency:
    name = "latency"
    needs = ("nginx",)

    def collect(self, this_round: Round) -> dict[str, float]:
        found = uvloop.run(measure(this_round.stage))
        this_round.stage.souk.settle_all()
        say(f"  hold, {PER_SECOND:.0f} calls a second: {found}")
        return found

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        missed = short(median([sample[MISSED] for sample in samples]))
        return [
            Line(
                measure=words,
                goal=f"≤ {GOALS_MS[name]}",
                values=tuple(sample[name] for sample in samples),
                reached=median([sample[name] for sample in samples]) <= GOALS_MS[name],
                absolute=f"{PER_SECOND:.0f} calls a second, evenly; {missed} % missed a block",
                compares="nothing; the clock is the observer's, which hears the node's new heads",
            )
            for name, words in MEASURES.items()
        ]


async def measure(stage: Stage) -> dict[str, float]:
    target = stage.souk.target("hold")
    seconds = 2 * stage.seconds
    challenge = await asyncio.to_thread(ask_price, target)
    count = int(PER_SECOND * seconds)
    payments = await asyncio.to_thread(
        sign_many, challenge, stage.bench.payers, count, stage.bench.signers
    )
    load = Load(target, [payment.header for payment in payments], CONNECTIONS)
    async with observing(stage.node, transactions=True) as observer:
        await load.connect()
        await load.send_evenly(PER_SECOND, seconds)
        await load.finish(60.0)
    if load.outcome.refused or load.outcome.ran_dry:
        raise Failed(f"latency: {dict(load.outcome.refused)} {load.outcome.words}")
    first_bytes = {payments[a.index].nonce: a.first_byte for a in load.outcome.answered}
    return figures(observer, first_bytes, ours_of(stage, payments))


def ours_of(stage: Stage, payments: Sequence[Signed]) -> dict[bytes, tuple[float, str, int]]:
    """When each answer was stored, on the observer's clock; its transaction and block."""
    ahead = time.time() - time.monotonic()
    found = stage.souk.rows(
        "select p.nonce, extract(epoch from a.stored_at)::float8, g.transaction, g.block_number"
        " from payments_payment p join payments_answer a on a.payment_id = p.id"
        " join payments_progress g on g.payment_id = p.id"
        " where p.nonce = any(%s) and g.transaction is not null",
        [payment.nonce for payment in payments],
    )
    return {
        bytes(nonce): (stored - ahead, f"0x{bytes(transaction).hex()}", int(block))
        for nonce, stored, transaction, block in found
    }


def figures(
    observer: Observer,
    first_bytes: dict[bytes, float],
    ours: dict[bytes, tuple[float, str, int]],
) -> dict[str, float]:
    sent, seen, missed = [], [], 0
    for nonce, (stored, transaction, block) in ours.items():
        accepted = observer.pending.get(transaction)
        if accepted is not None:
            sent.append(1000 * (accepted - stored))
        if block not in observer.heads or nonce not in first_bytes:
            continue
        earlier = observer.heads.get(block - 1, 0.0)
        if accepted is not None and accepted < earlier - MARGIN_SECONDS:
            missed += 1
            continue
        seen.append(1000 * (first_bytes[nonce] - observer.heads[block]))
    return {
        SENT_MS: percentile(sent, 50),
        SEEN_50_MS: percentile(seen, 50),
        SEEN_99_MS: percentile(seen, 99),
        MISSED: 100 * missed / max(1, missed + len(seen)),
        "calls": float(len(seen) + missed),
    }
