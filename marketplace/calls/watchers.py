"""What goes on beside the calls for as long as the door is open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from payments.traced import traced

log = logging.getLogger(__name__)

BEGIN_ANEW_SECONDS = 1.0

Watch: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Watchers:
    """Tasks without an end: one that breaks off is said, and begun anew.

    A door whose shelf is no longer looked after would go on selling what was suspended.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False

    def begin(self, what: str, watch: Watch) -> None:
        if self._is_over:
            return
        task = asyncio.create_task(watch(), name=what)
        self._tasks.add(task)
        task.add_done_callback(partial(self._broken_off, what, watch))

    async def end(self) -> None:
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _broken_off(self, what: str, watch: Watch, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        why = "it came to an end" if error is None else traced(error)
        log.critical("%s broke off and is begun anew: %s", what, why)
        asyncio.get_running_loop().call_later(BEGIN_ANEW_SECONDS, self.begin, what, watch)
