"""What a process needs to serve paid calls: opened once, shared by every call, closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
from django.conf import settings

from marketplace.calls.breaker import Breaker
from marketplace.calls.keeping import Keeper
from marketplace.calls.leases import Leases
from marketplace.calls.places import Places
from marketplace.calls.previews import StockAndPreviews
from marketplace.calls.promises import Promises
from marketplace.calls.purses import Purses
from marketplace.calls.shares import Shares
from marketplace.calls.shelf import Shelf, Shelved
from marketplace.calls.stock import Stock
from marketplace.calls.strikes import Strikes
from marketplace.calls.tally import Tally
from marketplace.calls.troubles import Troubles
from marketplace.calls.waits import Waits
from marketplace.calls.watchers import Watchers
from payments import lookup
from payments.acceptance import answering, attempts, claiming, collecting
from payments.acceptance.answering import NewAnswer
from payments.acceptance.claiming import ClaimVerdict
from payments.acceptance.promise import Claim
from payments.chains import Chain
from payments.chains.collector import Collector
from payments.database.outage import Outage
from payments.database.pool import Pool
from payments.denials import DenyList
from payments.egress import open_client
from payments.health import Health, read_health
from payments.limits.owners import KnownRules
from payments.live.wakeups import MONEY_MOVED, WORK_TO_SETTLE, Bell, listen
from payments.lookup import Held, TwinTerms
from payments.relaying import gas
from payments.settling.desk import NetworkTerms
from payments.wiring.bounds import egress_rule, exposure
from payments.wiring.networks import network_terms, networks, open_chain, seller_gas_caps
from payments.wiring.pools import open_door_pool
from payments.x402.networks import known_assets
from sellers.site import this_site

log = logging.getLogger(__name__)

BATCH_MAX = 100
WAITING_MAX = 5_000
ROUND_BYTES_MAX = 16_000_000  # of answers in one statement; PostgreSQL takes less than 1 GB
HEALTH_SECONDS = 0.5
BLIND_SECONDS = 3.0  # a restart of the database is waited for; a longer outage is said at once
LEASE_AGAIN_SECONDS = 0.5
LAST_WORDS_SECONDS = 5.0
BREAKER_FAILURES = 5
BREAKER_PAYERS = 3
BREAKER_PAUSE_SECONDS = 15.0

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def _together(
    flush: Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Answer]]],
) -> Collector[Item, Answer]:
    return Collector(flush, round_max=BATCH_MAX, waiting_max=WAITING_MAX)


class Room:
    """The counters, connections and watchers behind the door."""

    pool: Pool
    client: aiohttp.ClientSession
    shelf: Shelf
    purses: Purses
    waits: Waits
    settle_bell: Bell
    claims: Collector[Claim, ClaimVerdict]
    answers: Collector[NewAnswer, bool]
    known: Collector[bytes, Held | None]  # what we hold under an identity
    collected: Collector[UUID, bool]
    keeper: Keeper

    def __init__(self) -> None:
        self.terms: dict[str, NetworkTerms] = {}
        self.chains: dict[str, Chain] = {}
        self.assets = known_assets()
        self.health: dict[str, Health] = {}
        self.out_of_gas: frozenset[tuple[str, UUID]] = frozenset()
        self.out_of_budget: frozenset[str] = frozenset()  # payers who burnt our gas lately
        self.tally = Tally()
        self.strikes = Strikes(
            network_max=settings.BAD_PAYMENTS_PER_MINUTE,
            wallet_max=settings.EMPTY_PROMISES_PER_MINUTE,
        )
        self.exposure = exposure()
        self.rules = KnownRules()
        self.twins = TwinTerms(
            within_seconds=settings.JOIN_SECONDS,
            silent_lease_seconds=settings.LEASE_SECONDS - settings.LEASE_RENEW_SECONDS - 1,
        )
        self.denied = DenyList(settings.DENY_ADDRESSES)
        self.breaker = Breaker(
            failures_to_open=BREAKER_FAILURES,
            payers_to_open=BREAKER_PAYERS,
            pause_seconds=BREAKER_PAUSE_SECONDS,
        )
        self.troubles = Troubles(self.breaker)
        self.places = Places(settings.UPSTREAM_CONNECTIONS_MAX)
        self.at_work = Shares(
            settings.CALLS_IN_FLIGHT_MAX, each_most=settings.LISTING_IN_FLIGHT_MAX
        )
        self.in_hand = Shares(settings.ANSWERS_IN_HAND_BYTES_MAX)
        self.leases = Leases()
        self.payable: set[Shelved] = set()  # what was found so since health was last read
        self.unseen_since: float | None = None  # when the database was asked, and did not answer
        self._work: set[asyncio.Task[Any]] = set()
        self._watchers = Watchers()

    async def open(self) -> None:
        self.denied.insist()
        self.pool = await open_door_pool()
        self.terms = {network: network_terms(network) for network in networks()}
        self.chains = {network: open_chain(network) for network in networks()}
        self.purses = Purses(self.chains)
        connections_max = settings.UPSTREAM_CONNECTIONS_MAX  # given out by `places`
        self.client = open_client(
            egress_rule(), limit=connections_max, limit_per_host=connections_max
        )
        self.waits = Waits(self.pool)
        self.settle_bell = Bell(self.pool, WORK_TO_SETTLE)
        self.claims = _together(self._claim)
        self.answers = Collector(
            self._record,
            round_max=BATCH_MAX,
            waiting_max=WAITING_MAX,
            weigh=lambda answer: len(answer.body),
            weight_max=ROUND_BYTES_MAX,
        )
        self.keeper = Keeper(self.pool)
        self.known = _together(partial(lookup.by_identities, self.pool))
        self.collected = _together(partial(collecting.collect_together, self.pool))
        site = this_site()
        stock = StockAndPreviews(Stock(self.pool, site), self.pool, site)
        self.shelf = Shelf(self.pool, stock, entries_max=settings.SHELF_MAX)
        await self._read_health()
        promises = Promises(self.pool, self.shelf, site, closed=self.closed_networks)
        look = partial(self.shelf.watch, every_seconds=settings.SHELF_REFRESH_SECONDS)
        hear = partial(listen, settings.DATABASE_DIRECT_URL, (MONEY_MOVED,), self.waits.ring)
        self._watchers.begin("the shelf", look)
        self._watchers.begin("what can be paid", promises.keep_payable)
        self._watchers.begin("new signatures", promises.keep_new)
        self._watchers.begin("old signatures", promises.keep_good)
        self._watchers.begin("waiting buyers", self.waits.run)
        self._watchers.begin("the bell of money", hear)
        self._watchers.begin("leases", self._keep_leases)
        self._watchers.begin("the health of networks", self._keep_health)
        self._watchers.begin("the count of quotes", partial(self.tally.keep, self.pool))
        self._watchers.begin("bad payments", partial(self.strikes.keep, self.pool))
        self._watchers.begin("troubles of sellers", partial(self.troubles.keep, self.pool))

    async def close(self) -> None:
        """Finish what is in hand, within a bound; the rest is found by its lease.

        The server has waited for everybody who is still connected; what is left works for buyers
        who hung up, and whose answers would be lost.
        """
        if self._work:
            await asyncio.wait(self._work, timeout=settings.STOP_SECONDS)
        await self._watchers.end()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.keeper.close()
        await self.tally.flush(self.pool)
        await self.troubles.take_back(self.pool)
        with contextlib.suppress(TimeoutError):  # what buyers have been handed is written down
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self.collected.finish()
        for collector in (self.claims, self.answers, self.known, self.collected):
            await collector.close()
        await self.client.close()
        await self.purses.close()
        for chain in self.chains.values():
            await chain.close()
        await self.pool.close()

    @property
    def is_full(self) -> bool:
        """Calls whose buyers hung up still count: their work goes on."""
        return len(self._work) >= settings.CALLS_IN_FLIGHT_MAX

    @property
    def is_blind(self) -> bool:
        """Whether the database is away: nothing can be decided, and nobody need wait for it."""
        since = self.unseen_since
        return since is not None and asyncio.get_running_loop().time() - since > BLIND_SECONDS

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a call on its own: a buyer who hangs up does not stop it."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a call ended in %s; its row stays as it is", type(error).__name__)

    async def _claim(self, claims: Sequence[Claim]) -> list[ClaimVerdict]:
        verdicts = await claiming.claim_together(
            self.pool, claims, lease_seconds=settings.LEASE_SECONDS, twins=self.twins
        )
        if any(claim.purchase.release == "upfront" for claim in claims):
            self.settle_bell.ring()
        return verdicts

    async def _record(self, answers: Sequence[NewAnswer]) -> list[bool]:
        recorded = await answering.record_together(self.pool, answers)
        self.settle_bell.ring()
        return recorded

    def closed_networks(self, shelved: Shelved) -> frozenset[str]:
        """On which of its networks a listing cannot be paid for just now."""
        return frozenset(
            network
            for network in {offer.requirements.network for offer in shelved.offers}
            if self.is_refused(network) or (network, shelved.seller_id) in self.out_of_gas
        )

    def is_refused(self, network: str) -> bool:
        """Whether nobody settles payments of a network just now."""
        health = self.health.get(network)
        return health is None or bool(health.refusing_why)

    async def _keep_leases(self) -> None:
        pause_seconds = settings.LEASE_RENEW_SECONDS
        outage = Outage(log, "Leases are not renewed")
        while True:
            await asyncio.sleep(pause_seconds)
            # One that failed may have taken most of a lease's time.
            pause_seconds = min(LEASE_AGAIN_SECONDS, settings.LEASE_RENEW_SECONDS)
            with outage.passed_over():
                await attempts.renew_leases(
                    self.pool, self.leases.attempts, lease_seconds=settings.LEASE_SECONDS
                )
                pause_seconds = settings.LEASE_RENEW_SECONDS

    async def _keep_health(self) -> None:
        outage = Outage(log, "The door does not see who settles")
        while True:
            await asyncio.sleep(HEALTH_SECONDS)
            # From here on, and not from its failure: what is never answered does not fail.
            self.unseen_since = self.unseen_since or asyncio.get_running_loop().time()
            with outage.passed_over():
                await self._read_health()
                self.unseen_since = None

    async def _read_health(self) -> None:
        health = await read_health(self.pool, stale_seconds=settings.HEAD_STALE_SECONDS)
        out_of_gas = await gas.over_cap(self.pool, seller_gas_caps())
        self.out_of_budget = await gas.all_out_of_budget(self.pool)
        self.health, self.out_of_gas = health, out_of_gas
        self.payable.clear()  # in the same breath: a quote in between would remember the old
