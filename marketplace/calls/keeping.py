"""What passes of streams, written down while it passes.

Nobody waits for it: not the seller, not the buyer, and no other call. What the database does not
take now it is given with what comes next, and what becomes of the money does not hang on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from marketplace.calls.forwarding import passed_back
from marketplace.calls.shares import Share
from payments.acceptance import passing
from payments.acceptance.passing import NewPart
from payments.chains.collector import Collector, TooManyWaiting
from payments.database.outage import Outage, through_an_outage
from payments.database.pool import Pool
from payments.egress import Head

log = logging.getLogger(__name__)

PART_BYTES = 65_536  # so much is written at once
LATE_SECONDS = 1.0  # and less, once it has waited for so long
TRIES = 20  # once the stream is over
PAUSE_SECONDS = 0.5
LAST_WORDS_SECONDS = 5.0
ROUND_MAX = 100
ROUND_BYTES_MAX = 4_000_000
WAITING_MAX = 5_000


class Keeper:
    """One process's: whatever passes goes through one connection, so that calls find the others.

    It owns the tasks that write.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._in_turn = asyncio.Lock()
        self.parts: Collector[NewPart, None] = Collector(
            self._keep,
            round_max=ROUND_MAX,
            waiting_max=WAITING_MAX,
            weigh=lambda part: len(part.body),
            weight_max=ROUND_BYTES_MAX,
        )
        self.outage = Outage(log, "What passes of streams is not written down")
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """Every stream has ended by now: what has passed is written down, within a bound."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORDS_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.parts.close()

    async def _keep(self, parts: Sequence[NewPart]) -> list[None]:
        async with self._in_turn:
            return await passing.keep_together(self._pool, parts)

    async def let_go(self, payment_id: UUID) -> None:
        async with self._in_turn:
            await passing.let_go(self._pool, payment_id)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a stream is no longer written down: %s", type(error).__name__)


class Keeping:
    """One attempt's stream: nothing is done for it before it begins."""

    def __init__(self, keeper: Keeper, payment_id: UUID, attempt: int) -> None:
        self._keeper = keeper
        self._payment_id = payment_id
        self._attempt = attempt
        self._number = 0  # of the part that is written next
        self._may_be_there = False
        self._unwritten: deque[bytes] = deque()  # the very pieces that others have in hand
        self._unwritten_bytes = 0
        self._some = asyncio.Event()
        self._enough = asyncio.Event()  # or the end
        self._whole: bool | None = None
        self._content_type = self._content_encoding = ""
        self._share: Share | None = None  # what the pieces take up, for as long as they are here

    def begin(self, head: Head, share: Share | None) -> None:
        headers, self._content_type = passed_back(head)
        self._content_encoding = dict(headers).get("Content-Encoding", "")
        self._share = share
        self._keeper.start(self._run())

    def add(self, piece: bytes) -> None:
        self._unwritten.append(piece)
        self._unwritten_bytes += len(piece)
        self._some.set()
        if self._unwritten_bytes >= PART_BYTES:
            self._enough.set()

    def end(self, *, whole: bool) -> None:
        """Once is enough; what is whole is stored, and nothing of it is to be written any more."""
        if self._whole is None:
            self._whole = whole
            self._some.set()
            self._enough.set()

    async def _run(self) -> None:
        while self._whole is None:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LATE_SECONDS):
                    await self._enough.wait()
            if self._whole is None and not await self._is_written():
                await asyncio.sleep(LATE_SECONDS)
        if self._whole:
            await self._let_go()
        else:
            await self._write_the_rest()

    async def _is_written(self) -> bool:
        """What the database does not take now is in the next part, or in the one after."""
        with self._keeper.outage.passed_over(), contextlib.suppress(TooManyWaiting):
            await self._write()
            return True
        return False

    async def _write(self) -> None:
        """One part, of the pieces that have waited longest."""
        pieces = self._longest_waiting()
        self._may_be_there = True  # also where no answer comes
        await self._keeper.parts.submit(
            NewPart(
                self._payment_id,
                self._attempt,
                self._number,
                self._content_type,
                self._content_encoding,
                b"".join(pieces),
            )
        )
        self._number += 1
        for _ in pieces:
            self._unwritten_bytes -= len(self._unwritten.popleft())
        if self._whole is None and not self._unwritten:
            self._some.clear()
        if self._whole is None and self._unwritten_bytes < PART_BYTES:
            self._enough.clear()

    def _longest_waiting(self) -> list[bytes]:
        found: list[bytes] = []
        size = 0
        for piece in self._unwritten:
            found.append(piece)
            size += len(piece)
            if size >= PART_BYTES:
                break
        return found

    async def _write_the_rest(self) -> None:
        while self._unwritten:
            await through_an_outage(self._write, tries=TRIES, pause_seconds=PAUSE_SECONDS)

    async def _let_go(self) -> None:
        """Of what an earlier attempt left, too; what cannot be let go of now goes with its day."""
        self._unwritten.clear()
        self._share = None
        if self._may_be_there or self._attempt > 1:
            step = partial(self._keeper.let_go, self._payment_id)
            await through_an_outage(step, tries=TRIES, pause_seconds=PAUSE_SECONDS)
