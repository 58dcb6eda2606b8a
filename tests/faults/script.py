"""Scripts of requests, faults and where they fire, made from a seed and replayed from it.

A fault fires when a proxy sees the k-th message from now on, so the program needs no hook. What
a script must hold is not its own: the invariants, and that the next purchase succeeds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults import stranger
from tests.faults.market import Market, Paper
from tests.fixtures.cast import Person
from tests.fixtures.stack import Sold
from tests.fixtures.upstream import answer, cut
from tests.fixtures.wallet import Said

STEPS = 16
BUYERS = 3
BURIED = 9
RESULT_SECONDS = 40
RPC_METHODS = (
    None, "eth_call", "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_getLogs",
    "eth_getBlockByNumber", "eth_getTransactionCount",
)  # fmt: skip
Step = tuple[str, tuple[Any, ...]]


def write(seed: int) -> list[Step]:
    """The script of this seed: always the same."""
    random = Random(seed)
    verbs: dict[str, Callable[[], tuple[Any, ...]]] = {
        "buy": lambda: (random.randrange(BUYERS), random.randrange(3), random.randrange(2)),
        "again": lambda: (random.random(), random.randrange(2)),
        "fresh": lambda: (random.random(), random.randrange(2)),
        "rpc": lambda: (
            random.choice(("drop", "lose_answer", "fail", "replay")),
            random.choice(RPC_METHODS),
            random.randrange(1, 6),
        ),
        "database": lambda: (random.randrange(1, 20), random.random() < 0.5),
        "kill worker": lambda: (random.choice(RPC_METHODS[1:]),),
        "pause": tuple,
        "resume": tuple,
        "mine": lambda: (random.randrange(1, 4),),
        "reorg": lambda: (random.randrange(1, 4),),
        "submit": lambda: (random.random(),),
        "cancel": lambda: (random.random(),),
        "broker": tuple,
        "wait": lambda: (random.random(),),
    }
    weights = [8, 3, 2, 4, 2, 1, 1, 2, 2, 1, 2, 1, 1, 2]
    chosen = random.choices(list(verbs), weights, k=STEPS)
    return [("buy", (0, 0, 0)), *((verb, verbs[verb]()) for verb in chosen)]


@dataclass
class Performance:
    """One script on a market: who bought what, and what is still being waited for."""

    market: Market
    listings: list[Sold] = field(default_factory=list)
    buyers: list[Person] = field(default_factory=list)
    papers: list[tuple[Paper, Person]] = field(default_factory=list)
    asked: list[Future[Said]] = field(default_factory=list)

    def prepare(self) -> None:
        """One listing that answers, one that fails, one that breaks off in its answer."""
        for behaviour in (answer(), answer(b"no", status=500), cut()):
            self.listings.append(self.market.sell(behaviour))
        self.buyers = [self.market.buyer() for _ in range(BUYERS)]
        self.market.chain.mine(BURIED)

    def play(self, step: Step) -> None:
        verb, values = step
        # A market in trouble may refuse to quote, and a fault may hit the question itself.
        with contextlib.suppress(OSError, KeyError):
            getattr(self, "_" + verb.replace(" ", "_"))(*values)

    def end(self) -> None:
        """The faults heal; everybody gets an answer of some kind."""
        self.market.heal()
        for each in self.asked:
            with contextlib.suppress(OSError):
                each.result(RESULT_SECONDS)

    def _which(self, share: float) -> tuple[Paper, Person]:
        return self.papers[int(share * len(self.papers))]

    def _buy(self, buyer: int, listing: int, web: int) -> None:
        payer = self.buyers[buyer]
        paper = self.market.sign(self.listings[listing], payer, named=True)
        self.papers.append((paper, payer))
        self.asked.append(self.market.sending(paper, web=web, seconds=RESULT_SECONDS))

    def _again(self, share: float, web: int) -> None:
        paper, _ = self._which(share)
        self.asked.append(self.market.sending(paper, web=web, seconds=RESULT_SECONDS))

    def _fresh(self, share: float, web: int) -> None:
        paper, payer = self._which(share)
        self._buy(self.buyers.index(payer), self.listings.index(paper.sold), web)

    def _rpc(self, kind: str, method: str | None, message: int) -> None:
        at = self.market.rpc.count(method) + message
        if kind == "replay":
            method = method or "eth_call"
            self.market.rpc.replay(method, at=self.market.rpc.count(method) + message)
        else:
            getattr(self.market.rpc, kind)(method, at=at)

    def _database(self, message: int, after: bool) -> None:
        proxy = self.market.database
        proxy.cut_at(proxy.messages + message, after=after)
        if proxy.reached.wait(2):
            proxy.reached.clear()
        proxy.pass_on()

    def _kill_worker(self, method: str) -> None:
        at = self.market.rpc.hold(method)
        at.reached.wait(2)
        self.market.kill_worker()
        at.release()
        self.market.start_worker()

    def _pause(self) -> None:
        self.market.chain.pause()

    def _resume(self) -> None:
        self.market.chain.resume()

    def _mine(self, blocks: int) -> None:
        self.market.chain.mine(blocks)

    def _reorg(self, depth: int) -> None:
        self.market.chain.reorg(depth)

    def _submit(self, share: float) -> None:
        stranger.submit(self.market, self._which(share)[0])

    def _cancel(self, share: float) -> None:
        stranger.cancel(self.market, *self._which(share))

    def _broker(self) -> None:
        self.market.empty_broker()

    def _wait(self, share: float) -> None:
        with contextlib.suppress(OSError):
            self.asked[int(share * len(self.asked))].result(RESULT_SECONDS)
