"""What the chain is asked about refunds: whether somebody sent one, and how deep those seen lie."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from payments.chains import Chain, ChainUnavailable
from payments.models import Dispute, Refund
from payments.refunds import booking
from payments.refunds.booking import Wallets
from payments.refunds.proof import Sight, Watched, find_exact, look_at
from payments.wiring.networks import network_terms, networks, open_chain

log = logging.getLogger(__name__)

AT_ONCE: Final = 50
SEARCH_BLOCKS_MAX: Final = 20_000  # of one look; the next goes on from there
Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Sought:
    """What a refund that nobody named would look like, and in which blocks."""

    asset: str
    senders: Collection[str]
    payer: str
    amount_atomic: int
    start: int


@dataclass(frozen=True, slots=True)
class Searched:
    """What one look found, and whether there are newer blocks."""

    found: Counter[bytes]
    settled: int  # up to here no reorganisation is expected to bring another refund
    is_behind: bool


def search(cases: Iterable[Dispute], wallets: Wallets) -> Iterator[tuple[Dispute, Searched | None]]:
    """Look for the exact amount, from a wallet of the seller's.

    None for a case whose blocks the node does not tell of; none at all of a chain that is silent.
    """
    by_network: dict[str, list[Dispute]] = defaultdict(list)
    for dispute in cases:
        by_network[dispute.payment.network].append(dispute)
    for network, group in by_network.items():
        sought = [_sought(dispute, wallets) for dispute in group]
        yield from zip(group, _ask(network, sought, _find_each), strict=False)


def watch(wallets: Wallets) -> int:
    """Look at every refund whose time has come; says how many these were."""
    by_network: dict[str, list[Refund]] = defaultdict(list)
    due = booking.take_due(AT_ONCE)
    for refund in due:
        by_network[refund.network].append(refund)
    for network, group in by_network.items():
        for refund, sight in zip(group, _ask(network, group, _look_at_each), strict=False):
            booking.judge(refund, sight, wallets)
    return len(due)


def _sought(dispute: Dispute, wallets: Wallets) -> Sought:
    payment = dispute.payment
    return Sought(
        payment.asset,
        {payment.pay_to, *wallets(dispute.seller_id, payment.network)},
        payment.payer,
        int(dispute.asked_atomic),
        dispute.searched_block + 1,
    )


async def _find_each(chain: Chain, sought: list[Sought]) -> list[Searched | None]:
    head = await chain.head()
    return [await _find(chain, each, head.number) for each in sought]


async def _find(chain: Chain, sought: Sought, head: int) -> Searched | None:
    end = min(head, sought.start + SEARCH_BLOCKS_MAX - 1)
    settled = min(end, head - network_terms(chain.network).confirmations)
    if sought.start > end:
        return Searched(Counter(), settled, is_behind=False)
    try:
        exact = await find_exact(
            chain,
            sought.asset,
            sought.senders,
            sought.payer,
            sought.amount_atomic,
            (sought.start, end),
        )
    except ChainUnavailable as error:  # of blocks this old; the others' may be younger
        log.warning("%s: refunds from block %s on: %s", chain.network, sought.start, error)
        return None
    return Searched(exact, settled, is_behind=end < head)


async def _look_at_each(chain: Chain, group: list[Refund]) -> list[Sight]:
    agree_above = network_terms(chain.network).agree_above_atomic
    watched = [_watched(refund) for refund in group]
    return await look_at(chain, watched, agree_above_atomic=agree_above)


def _watched(refund: Refund) -> Watched:
    seen_in = None
    if refund.block_number is not None and refund.block_hash is not None:
        seen_in = (refund.block_number, bytes(refund.block_hash))
    at_stake = int(refund.amount_atomic or refund.payment.amount_atomic)
    return Watched(bytes(refund.transaction), at_stake, seen_in)


def _ask(
    network: str,
    asked: list[Asked],
    question: Callable[[Chain, list[Asked]], Awaitable[list[Told]]],
) -> list[Told]:
    """Ask a network's chain; nothing where it does not answer, or is no longer settled here."""

    async def ask() -> list[Told]:
        chain = open_chain(network)
        try:
            return await question(chain, asked)
        finally:
            await chain.close()

    if network not in networks():
        return []
    try:
        return asyncio.run(ask())
    except ChainUnavailable as error:
        log.warning("%s: disputes: %s", network, error)
        return []
