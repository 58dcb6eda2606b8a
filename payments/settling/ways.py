"""How a network's payments get into a block: by our own relayer, or by remote facilitators.

A way only sends. What became of a payment is the chain's to say, and is read in one place for
every way: the events of a canonical block (`evidence`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from payments.chains import Block

if TYPE_CHECKING:
    from payments.settling.desk import Desk, Row


class Way(Protocol):
    """One way to settle a network."""

    async def follow(self, desk: Desk, rows: Sequence[Row]) -> list[Row]:
        """Settle those whose transaction is known by name and proves them; return the others."""

    async def send(self, desk: Desk, riders: Sequence[Row], alone: Sequence[Row]) -> None:
        """Bring these on their way; they pass on the newest state. Stored first, then sent.

        `riders` may share a transaction with others, the `alone` may not.
        """

    async def trouble(self, desk: Desk, head: Block) -> str:
        """Say why no new payment can be settled at the moment; empty when it can."""

    async def landed(self) -> bool:
        """Wait for whatever is being sent right now; say whether there was anything."""

    async def close(self) -> None:
        """Let go of everything; what is under way is found again in its rows."""
