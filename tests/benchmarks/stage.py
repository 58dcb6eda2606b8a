"""Everything that takes part in a run, brought up when it is first needed, and one round of it."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import uvloop

from tests.benchmarks.challenges import quote, why_refused
from tests.benchmarks.load import Target
from tests.benchmarks.nginx import Nginx, running_nginx
from tests.benchmarks.node import Node, running_node
from tests.benchmarks.ours import Souk, running_raw_asgi, running_souk
from tests.benchmarks.paid import Bench, Measured, pay_once
from tests.benchmarks.peers import MIDDLEWARES, Peers, running_peers
from tests.benchmarks.signing import purses

PAYERS = 64
OURS = ("door", "postgres", "worker", "beat")
T = TypeVar("T")


class LeftOut(Exception):
    """A row cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who sells calls: where, with which processes, and whether it really settles."""

    name: str
    target: Target
    roots: Mapping[str, Sequence[int]]
    settles: bool
    guess: float  # paid calls a second to prepare for, before the first measurement


@dataclass
class Stage:
    """The run's parts. What is brought up stays up, idle, until the end."""

    scratch: Path
    cache: Path
    anvil: Path
    seconds: float
    leaving: ExitStack
    _parts: dict[str, object] = field(default_factory=dict)

    def part(self, name: str, make: Callable[[], T]) -> T:
        """A part of the run; made when first asked for."""
        if name not in self._parts:
            self._parts[name] = make()
        return self._parts[name]  # type: ignore[return-value]

    @property
    def node(self) -> Node:
        return self.part("node", self._start_node)

    @property
    def nginx(self) -> Nginx:
        return self.part(
            "nginx", lambda: self.leaving.enter_context(running_nginx(self.scratch / "nginx"))
        )

    @property
    def souk(self) -> Souk:
        def start() -> Souk:
            say("starting Souk: database, worker, door")
            running = running_souk(self.scratch / "souk", self.node, self.nginx)
            return self.leaving.enter_context(running)

        return self.part("souk", start)

    @property
    def bench(self) -> Bench:
        def make() -> Bench:
            hands = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
            self.leaving.callback(hands.shutdown, cancel_futures=True)
            return Bench(self.node, purses(PAYERS), hands, self.seconds, 2.5 * self.seconds)

        return self.part("bench", make)

    def _start_node(self) -> Node:
        say("starting the chain")
        node = self.leaving.enter_context(running_node(self.anvil, self.scratch / "anvil.log"))
        node.fund([payer.address for payer in purses(PAYERS)])
        return node

    @property
    def peers(self) -> Peers:
        def start() -> Peers:
            say("starting the peers; the first time they are fetched")
            running = running_peers(self.scratch / "peers", self.cache, self.node, self.nginx)
            return self.leaving.enter_context(running)

        return self.part("peers", start)

    @property
    def raw_asgi(self) -> Target:
        """An app that does nothing, on our own server, with our own bytes."""

        def start() -> Target:
            file = self.scratch / "raw-402"
            file.write_bytes(b"\n".join(quote(self.souk.target("hold"))))
            running = running_raw_asgi(self.scratch / "raw.log", file)
            return Target(self.leaving.enter_context(running), "/call/bench/hold")

        return self.part("raw ASGI app", start)

    async def _earn_trust(self) -> bool:
        """Every wallet pays a dollar in hold; then answers may leave before its money moves."""
        await pay_once(self.bench, self.souk.target("trust"), PAYERS)
        await asyncio.to_thread(self.souk.settle_all)
        return True

    def official(self, middleware: str) -> Contender:
        """A peer with its makers' facilitator."""
        target = self.peers.official(middleware)
        roots = self.peers.roots(middleware, f"{MIDDLEWARES[middleware]} facilitator")
        return Contender(middleware, target, roots, settles=True, guess=60.0)

    def with_yes(self, middleware: str) -> Contender:
        """A peer whose facilitator says yes at once."""
        name = f"{middleware} with yes"
        target = self.peers.with_yes(middleware)
        return Contender(name, target, self.peers.roots(name), settles=False, guess=600.0)

    def ours(self, release: str) -> Contender:
        if release not in self.souk.listings:
            raise LeftOut(f"this version offers no {release} release")
        if release == "instant":
            self.part("trust", lambda: uvloop.run(self._earn_trust()))
        return Contender(
            f"Souk, {release}",
            self.souk.target(release),
            self.souk.roots,
            settles=True,
            guess=100.0 if release == "hold" else 2_000.0,
        )


class Round:
    """One round: each measurement is made once, however many rows look at it."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.number = number
        self._made: dict[str, object] = {}

    def once(self, what: str, make: Callable[[], T]) -> T:
        if what not in self._made:
            self._made[what] = make()
        return self._made[what]  # type: ignore[return-value]

    def paid(self, contender: Contender, connections: int) -> Measured:
        """Paid calls at one contender, with so many buyers at a time."""
        return self.once(
            f"{contender.name} × {connections}", lambda: self._paid(contender, connections)
        )

    def _paid(self, contender: Contender, connections: int) -> Measured:
        is_ours = contender.name.startswith("Souk")
        measured = uvloop.run(
            self.stage.bench.paid(
                contender.name,
                contender.target,
                contender.roots,
                connections=connections,
                guess=contender.guess,
                settles=contender.settles,
                strict=is_ours,
            )
        )
        window = measured.window
        if is_ours:  # a payment that is not booked yet does not count either
            booked = self.stage.souk.booked(window.opened, window.closed)
            window.counted = min(window.counted, booked)
        failed = sum(measured.outcome.refused.values())
        say(
            f"  {contender.name}, {connections} at a time: {measured.window.rate:.1f} calls/s"
            + (f", {failed} failed: {why_refused(measured.outcome.words)}" if failed else "")
        )
        if is_ours:
            self.stage.souk.settle_all()
        elif failed:
            self.stage.peers.begin_anew()
        return measured


def say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


@contextmanager
def open_stage(scratch: Path, cache: Path, anvil: Path, seconds: float) -> Iterator[Stage]:
    with ExitStack() as leaving:
        yield Stage(scratch, cache, anvil, seconds, leaving)
