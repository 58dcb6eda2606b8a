"""What buyers' wallets held a moment ago: all that is promised out of one must fit into it.

Each promise passes its own simulation as long as the wallet holds one price. Its seller would work
for all of them, and be paid for the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic

from payments.chains import Chain
from payments.chains.collector import Collector

KEEP_SECONDS = 10.0  # what leaves a wallet meanwhile is noticed where it holds no price any more
PURSES_MAX = 20_000
ROUND_MAX = 48
WAITING_MAX = 5_000

Owned = tuple[str, str]  # a token, and who owns some of it


class Purses:
    """A bounded memory of balances; whoever asks for one that is not known waits for the chain."""

    def __init__(self, chains: Mapping[str, Chain]) -> None:
        self._seen: dict[tuple[str, str, str], tuple[int, float]] = {}
        self._asked = {
            network: Collector(
                partial(_balances, chain), round_max=ROUND_MAX, waiting_max=WAITING_MAX
            )
            for network, chain in chains.items()
        }

    def recall(self, network: str, token: str, payer: str) -> int | None:
        """What a payer held lately, or None where that is not known or too long ago."""
        balance, until = self._seen.get((network, token, payer), (0, 0.0))
        return balance if monotonic() < until else None

    async def look(self, network: str, token: str, payer: str) -> int:
        """What a payer holds now."""
        balance = await self._asked[network].submit((token, payer))
        purse = network, token, payer
        self._seen.pop(purse, None)
        if len(self._seen) >= PURSES_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[purse] = balance, monotonic() + KEEP_SECONDS
        return balance

    async def close(self) -> None:
        for asked in self._asked.values():
            await asked.close()


async def _balances(chain: Chain, asked: Sequence[Owned]) -> list[int]:
    """One round: each token of those that came together is asked once for each of its owners."""
    found: dict[Owned, int] = {}
    for token in {token for token, _ in asked}:
        owners = list({owner for each, owner in asked if each == token})
        balances = await chain.token_balances(token, owners)
        found |= {(token, owner): has for owner, has in zip(owners, balances, strict=True)}
    return [found[each] for each in asked]
