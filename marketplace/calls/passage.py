"""A streamed answer on its way through: kept for the record, and read by its buyer as it comes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from marketplace.calls.shares import Share
from payments.egress import Head
from payments.x402.types import Settlement

if TYPE_CHECKING:
    from marketplace.calls.keeping import Keeping


class Cut(Exception):
    """The seller's side broke off, or what came may not be charged: it must not look whole."""


class Passage:
    """What is to be passed on, in the very pieces that are kept for the record: no second copy.

    The reader may be slower than the seller, or gone: neither holds up the call.
    """

    def __init__(self, keeping: Keeping | None = None) -> None:
        self.head: Head | None = None
        self.settlement: Settlement | None = None  # what the buyer is told before the first byte
        self.share: Share | None = None  # what the pieces take up
        self.passed_bytes = 0
        self.begun = asyncio.Event()
        self._keeping = keeping  # whoever writes it down meanwhile
        self._news = asyncio.Event()
        self._pieces: deque[bytes] = deque()
        self._whole: bool | None = None
        self._is_read = True

    def begin(self, head: Head) -> None:
        """The seller answers; from now on there is something to pass on."""
        self.head = head
        self.begun.set()
        if self._keeping is not None:
            self._keeping.begin(head, self.share)

    def add(self, piece: bytes) -> None:
        self.passed_bytes += len(piece)
        if self._keeping is not None:
            self._keeping.add(piece)
        if self._is_read:
            self._pieces.append(piece)
            self._news.set()

    def end(self, *, whole: bool) -> None:
        """Whole: stored, and to be fetched again. Only then may the reader see an end."""
        self._whole = whole
        self._news.set()
        if self._keeping is not None:
            self._keeping.end(whole=whole)

    def break_off(self) -> None:
        """No more comes, and it is not whole: the last of it is written down while the end is."""
        if self._keeping is not None:
            self._keeping.end(whole=False)

    def leave(self) -> None:
        """Nobody reads any more."""
        self._is_read = False
        self._pieces.clear()

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if self._whole is not None:
                break
            self._news.clear()
            await self._news.wait()
        if not self._whole:
            raise Cut
