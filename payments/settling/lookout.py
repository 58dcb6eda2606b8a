"""What a new block did: to the transactions of ours, and to the blocks that we had seen before.

Buyers wait for whom it paid, so this goes on beside the settling of what is due and is never
queued behind it.
"""

from __future__ import annotations

import asyncio
import logging

from payments import health
from payments.chains import Block, ChainUnavailable
from payments.database.pool import rows
from payments.marks import LOOK_ABOVE
from payments.relaying import relayer, watching
from payments.settling.desk import Desk

log = logging.getLogger(__name__)

GENESIS = Block(0, b"", 0, 0)  # what is final before a node says that anything is

WATCH_SECONDS = 0.5  # without a new block: what was never sent, or was dropped by the node
WATCH_ALL_SECONDS = 30.0
HEADS_REMEMBERED = 128
BUYERS_FIRST_SECONDS = 0.02  # the answers that a block set free leave before our own books go on


class Lookout:
    """Follows the blocks of one network. What it remembers of them may be lost at any time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seen: dict[int, bytes] = {}
        self._head_hash = b""
        self._watched_at = -WATCH_SECONDS
        self._watched_all_at = -WATCH_ALL_SECONDS
        self._is_enlisted = False
        self._health = health.HealthBook(desk)
        self.final = GENESIS
        self.sees = False  # whether the node answered when it was asked last
        self.is_over = asyncio.Event()  # unset while a look is under way
        self.is_over.set()

    async def look(self) -> None:
        """See what a new block did to the transactions of ours; now and then without one, too."""
        self.is_over.clear()
        try:
            await self._look()
        finally:
            self.is_over.set()

    async def _look(self) -> None:
        head = await self._head()
        if not self._is_enlisted:
            await relayer.enlist(self._desk.pool, self._desk.chain, self._desk.keyring)
            await self.look_above(0)  # what a reorg took away while nobody settled
            self._is_enlisted = True
        self.sees = True
        try:
            if head.hash != self._head_hash or self._now() - self._watched_at >= WATCH_SECONDS:
                await self._watch(head)
        finally:  # after it, because buyers wait for it; and whatever came of it
            await self._health.write(head)

    async def look_above(self, number: int) -> None:
        """Have every payment looked at whose block may be gone."""
        await rows(self._desk.pool, LOOK_ABOVE, (self._desk.terms.network, number))

    async def _head(self) -> Block:
        try:
            return await self._desk.chain.head()
        except ChainUnavailable:
            self.sees = False
            await self._health.write_silent()
            raise

    async def _watch(self, head: Block) -> None:
        desk, began_at = self._desk, self._now()
        final, fork = await asyncio.gather(desk.chain.block("finalized"), self._fork_below(head))
        self.final = final or GENESIS
        if fork is not None:
            log.warning("%s: reorg from block %s on", desk.terms.network, fork)
            await self.look_above(fork)
        if await watching.watch(desk, head, self._watch_from(fork)):
            await asyncio.sleep(BUYERS_FIRST_SECONDS)
        await watching.finish(desk, self.final.number)
        self._remember(head, fork)
        self._head_hash, self._watched_at = head.hash, began_at

    def _remember(self, head: Block, fork: int | None) -> None:
        """Only what was seen to: a look that broke off finds the same fork again."""
        for number in [n for n in self._seen if fork is not None and n >= fork]:
            del self._seen[number]
        self._seen[head.number] = head.hash
        for number in sorted(self._seen)[:-HEADS_REMEMBERED]:
            del self._seen[number]

    def _watch_from(self, fork: int | None) -> int | None:
        if self._now() - self._watched_all_at >= WATCH_ALL_SECONDS:
            self._watched_all_at = self._now()
            return 0
        return fork

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _fork_below(self, head: Block) -> int | None:
        """The lowest block that may no longer be what we took it for, if there is one.

        Blocks between those we saw may be gone as well: all above the newest that still stands.
        """
        fork: int | None = None
        standing = -1
        for number in sorted(self._seen, reverse=True):
            block = await self._desk.chain.block(number) if number <= head.number else None
            if block is not None and block.hash == self._seen[number]:
                standing = number
                break
            if block is None and number > head.number:
                continue  # a node that lags behind is no reorg
            fork = number
        return None if fork is None else standing + 1
