"""One measurement of paid calls: buyers at work, a chain that is watched, processors that are read.

The window opens and closes at blocks that the observer saw, once the load is in its stride. What
counts is the least of what was answered in it and what came into a block in it: a backlog on either
side is no throughput.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from marketplace.embedded.demo_accounts import DemoAccount
from tests.benchmarks.challenges import ask_price
from tests.benchmarks.load import Load, Outcome, Target
from tests.benchmarks.node import Node, Observer, observing
from tests.benchmarks.processes import Meter, used
from tests.benchmarks.signing import Signed, sign_many
from tests.benchmarks.waiting import Failed

WARM_UP_BLOCKS = 4  # until what is settled, booked and answered keeps step with what comes in
FINISH_SECONDS = 60.0
SPARE = 1.6  # payments signed, for each that the last measurement used
SIGNED_LEAST = 300


@dataclass(slots=True)
class Window:
    """What happened between two blocks."""

    opened: float
    closed: float
    counted: int
    processor: dict[str, float]

    @property
    def seconds(self) -> float:
        return self.closed - self.opened

    @property
    def rate(self) -> float:
        return self.counted / self.seconds


@dataclass(slots=True)
class Measured:
    """One measurement."""

    window: Window
    outcome: Outcome


@dataclass(slots=True)
class Bench:
    """What every measurement needs: the chain, the buyers' wallets, hands to sign with."""

    node: Node
    payers: Sequence[DemoAccount]
    signers: Executor
    seconds: float
    warm_up_seconds: float
    rates: dict[str, float] = field(default_factory=dict)

    async def paid(
        self,
        name: str,
        target: Target,
        roots: Mapping[str, Sequence[int]],
        *,
        connections: int,
        guess: float,
        settles: bool = True,
        strict: bool = True,
    ) -> Measured:
        """Measure paid calls at one address; `guess` is how many a second to prepare for.

        A call that fails ends a strict measurement; a peer's are counted apart.
        """
        challenge = await asyncio.to_thread(ask_price, target)
        key = f"{name} {connections}"
        while True:
            rate = self.rates.get(key, guess)
            seconds = self.seconds + WARM_UP_BLOCKS
            count = SIGNED_LEAST + 2 * connections + int(rate * SPARE * seconds)
            payments = await asyncio.to_thread(
                sign_many, challenge, self.payers, count, self.signers
            )
            measured = await self._run(target, roots, payments, connections, settles=settles)
            if strict and measured.outcome.refused:
                raise Failed(
                    f"{name}: answers that were no success: {dict(measured.outcome.refused)}"
                    f" {measured.outcome.words}"
                )
            if not measured.outcome.ran_dry:
                self.rates[key] = max(measured.window.rate, 1.0)
                return measured
            self.rates[key] = rate * 2

    async def _run(
        self,
        target: Target,
        roots: Mapping[str, Sequence[int]],
        payments: list[Signed],
        connections: int,
        *,
        settles: bool,
    ) -> Measured:
        load = Load(target, [payment.header for payment in payments], connections)
        meter = Meter(roots)
        async with observing(self.node) as observer:
            await load.connect()
            gc.collect()
            gc.disable()
            try:
                load.start()
                first = await self._warm_up(load, observer, connections)
                before = meter.read()
                while True:
                    last = await observer.next_head()
                    if observer.heads[last] - observer.heads[first] >= self.seconds:
                        break
                after = meter.read()
                ran_dry = load.outcome.ran_dry
            finally:
                gc.enable()
            await load.finish(FINISH_SECONDS)
        load.outcome.ran_dry = ran_dry
        opened, closed = observer.heads[first], observer.heads[last]
        counted = sum(opened < a.first_byte <= closed for a in load.outcome.answered)
        if settles:
            on_chain = self.node.used_nonces(first + 1, last)
            counted = min(counted, sum(payment.nonce in on_chain for payment in payments))
        window = Window(opened, closed, counted, used(before, after))
        return Measured(window, load.outcome)

    async def _warm_up(self, load: Load, observer: Observer, connections: int) -> int:
        """Until each buyer had an answer, or waited too long for it; gives the window's block."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.warm_up_seconds
        for _ in range(WARM_UP_BLOCKS):
            first = await observer.next_head()
        while len(load.outcome.answered) < connections and loop.time() < deadline:
            first = await observer.next_head()
        return first


def per_call_us(window: Window, names: Sequence[str]) -> float:
    """Microseconds of processor that these processes took for each call that counted."""
    total = sum(window.processor[name] for name in names)
    return 1e6 * total / window.counted if window.counted else float("nan")


async def pay_once(
    bench: Bench, target: Target, count: int, then: Callable[[], None] | None = None
) -> None:
    """So many payments at the same time, outside any measurement; `then` while they are held."""
    challenge = await asyncio.to_thread(ask_price, target)
    payments = await asyncio.to_thread(sign_many, challenge, bench.payers, count, bench.signers)
    load = Load(target, [payment.header for payment in payments], count)
    await load.connect()
    load.start()
    if then is not None:
        await asyncio.to_thread(then)
    await load.finish(FINISH_SECONDS)
    if len(load.outcome.answered) != count:
        raise Failed(f"{target.path}: {dict(load.outcome.refused)} {load.outcome.words}")
