"""Requests that arrive while others are under way go together in the next round.

There is no timer: a round starts when the one before it has returned, so a lone request waits
for nobody and a crowd shares.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class TooManyWaiting(Exception):
    """The queue is full; the request was not taken in."""


class Collector(Generic[Item, Answer]):
    """Gathers single requests into rounds of bounded size, one round at a time."""

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Answer]]],
        *,
        round_max: int,
        waiting_max: int,
        weigh: Callable[[Item], int] = lambda item: 0,
        weight_max: int = 0,
    ) -> None:
        """`weight_max` bounds what the items of a round weigh together; one may weigh more."""
        self._flush = flush
        self._round_max = round_max
        self._waiting_max = waiting_max
        self._weigh = weigh
        self._weight_max = weight_max
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._busy = False
        self._round: asyncio.Task[Sequence[Answer]] | None = None

    async def submit(self, item: Item) -> Answer:
        """Join the next round and wait for this item's own answer."""
        if len(self._waiting) >= self._waiting_max:
            raise TooManyWaiting
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, answer))
        if not self._busy:
            # Not at once: whoever arrives in this same turn of the loop comes along.
            self._busy = True
            loop.call_soon(self._start_round)
        return await answer

    async def finish(self) -> None:
        """Wait until everybody who has come is answered."""
        while self._busy:
            await asyncio.sleep(0)
            if self._round is not None:
                await asyncio.wait({self._round})

    async def close(self) -> None:
        """Stop; whoever still waits is cancelled."""
        while self._waiting:
            self._waiting.pop()[1].cancel()
        if self._round is not None:
            self._round.cancel()
            await asyncio.wait({self._round})

    def _start_round(self) -> None:
        taken: list[tuple[Item, asyncio.Future[Answer]]] = []
        weight = 0
        while self._waiting and len(taken) < self._round_max:
            weight += self._weigh(self._waiting[0][0])
            if taken and weight > self._weight_max:
                break
            item, answer = self._waiting.popleft()
            if answer.done():
                weight -= self._weigh(item)
            else:
                taken.append((item, answer))
        self._busy = bool(taken)
        if taken:
            # A task of its own: a caller who is cancelled must not take the others' round down.
            self._round = asyncio.create_task(  # noqa: RUF006 - it is held, here
                self._flush([item for item, _ in taken])
            )
            self._round.add_done_callback(partial(self._finish, [answer for _, answer in taken]))

    def _finish(
        self,
        waiting: Sequence[asyncio.Future[Answer]],
        finished: asyncio.Task[Sequence[Answer]],
    ) -> None:
        self._round = None
        for position, answer in enumerate(waiting):
            if answer.done():
                continue
            if finished.cancelled():
                answer.cancel()
            elif (error := finished.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(finished.result()[position])
        self._start_round()
