"""Payments that were nothing: counted by where they come from, until nobody looks at them.

Signatures that do not fit, garbage, and wallets that promise what they do not have cost work before
they are refused. A process adds them up in memory and in the database a moment later, together with
all others; whoever has too many waits for the rest of the minute. Whoever has none costs nothing,
and neither a bare quote nor a payment that is ours already ever comes here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg

from payments.database.pool import Pool
from payments.rates import MINUTE, add, key_of
from payments.x402.reasons import Malformed, PaymentRefused, Reason

TOGETHER_SECONDS: Final = 0.1  # so long strikes are added up before they are told to the others
KEYS_MAX: Final = 20_000
_NETWORK, _WALLET = "bad payment", "refused wallet"
_SIGNATURE: Final = frozenset(
    {Reason.INVALID_SIGNATURE, Reason.SIGNATURE_HIGH_S, Reason.SIGNATURE_RECOVERY_ID}
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What all processes have counted, and until when it counts."""

    count: int
    until: float


class Strikes:
    """Counts bad payments by network and by wallet."""

    def __init__(
        self,
        *,
        network_max: int,
        wallet_max: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take how many a minute a network and a wallet may have."""
        self._most = {_NETWORK: network_max, _WALLET: wallet_max}
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._new: Counter[bytes] = Counter()
        self._telling: Counter[bytes] = Counter()  # what the database is adding up
        self._struck = asyncio.Event()

    @property
    def counts_nobody(self) -> bool:
        """Whether nobody has any: then nobody has to wait, whoever asks."""
        return not (self._known or self._new or self._telling)

    def wait_seconds(self, network: str, wallet: str) -> float:
        """How long nobody looks at another payment of these; 0 for everybody else."""
        if self.counts_nobody:
            return 0.0
        return max(self._wait(_NETWORK, network), self._wait(_WALLET, wallet))

    def refused(self, network: str, why: PaymentRefused) -> None:
        """Count what could not be read, or was not signed by whom it names."""
        if isinstance(why, Malformed) or why.reason in _SIGNATURE:
            self._count(_NETWORK, network)

    def empty(self, wallet: str) -> None:
        """Count a promise that its wallet signed, and that the chain says cannot be kept."""
        self._count(_WALLET, wallet)

    async def keep(self, pool: Pool) -> None:
        """Tell the other processes, and hear from them, whenever something was counted."""
        while True:
            await self._struck.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
            await self.flush(pool)

    async def flush(self, pool: Pool) -> None:
        self._struck.clear()
        if not self._new:
            return
        self._telling, self._new = self._new, Counter()
        try:
            sums = await add(pool, self._telling, MINUTE)
        except (psycopg.Error, TimeoutError):
            self._new.update(self._telling)  # the next strike tells of them
            return
        finally:
            self._telling = Counter()
        now = self._clock()
        for key, rate in sums.items():
            self._known[key] = _Known(rate.count, now + rate.seconds_left)
        self._known = {key: each for key, each in self._known.items() if each.until > now}

    def _count(self, kind: str, who: str) -> None:
        if who and len(self._known) + len(self._telling) + len(self._new) < KEYS_MAX:
            self._new[key_of(kind, who)] += 1
            self._struck.set()

    def _wait(self, kind: str, who: str) -> float:
        key, now = key_of(kind, who), self._clock()
        known = self._known.get(key)
        if known is None or known.until <= now:
            known = _Known(0, now + MINUTE)
        count = known.count + self._telling[key] + self._new[key]
        over = count >= self._most[kind]
        return known.until - now if who and over else 0.0
