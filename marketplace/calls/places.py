"""The connections to sellers: who has one, who waits for one, and who need not wait."""

from __future__ import annotations

import asyncio

from marketplace.calls.shares import Shares

STILL_SECONDS = 1.0  # a queue whose first has waited so long does not move


class NoPlace(Exception):
    """The seller was not asked, and that is not the seller's fault."""


class Places:
    """A call takes one for as long as its seller works, whether its buyer still waits or not.

    A host that hangs holds no more of them than are left for the others.
    """

    def __init__(self, most: int) -> None:
        self._shares = Shares(most)
        # By host, those who wait and since when, the first one first.
        self._queues: dict[str, dict[asyncio.Future[None], float]] = {}

    def is_crowded(self, host: str) -> bool:
        """Whether another call would find no place soon."""
        queue = self._queues.get(host)
        if not queue:
            return False
        waits_since = next(iter(queue.values()))
        return asyncio.get_running_loop().time() - waits_since > STILL_SECONDS

    async def take(self, host: str, seconds: float) -> None:
        """Take a place, waiting for it so long; raises NoPlace."""
        if host in self._queues or not self._shares.take(host):
            await self._wait(host, seconds)

    async def _wait(self, host: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        queue = self._queues.setdefault(host, {})
        queue[place] = loop.time()
        try:
            async with asyncio.timeout(seconds):
                await place
        except BaseException as end:
            if place.done() and not place.cancelled():  # it came in the same moment
                self.give_back(host)
            else:
                self._forget(host, place)
            if isinstance(end, TimeoutError):
                raise NoPlace from None
            raise

    def give_back(self, host: str) -> None:
        self._shares.give_back(host)
        if self._queues:  # who holds least is served first
            for each in sorted(self._queues, key=self._shares.held):
                self._serve(each)

    def _serve(self, host: str) -> None:
        for place in tuple(self._queues[host]):
            if place.done():  # gone, and about to say so
                continue
            if not self._shares.take(host):
                return
            place.set_result(None)
            self._forget(host, place)

    def _forget(self, host: str, place: asyncio.Future[None]) -> None:
        queue = self._queues.get(host)
        if queue is not None:
            queue.pop(place, None)
            if not queue:
                del self._queues[host]
