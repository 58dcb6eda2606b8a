"""Searching in turn: each look at the catalog is counted by where it comes from, before it is made.

HTTP, pages and MCP count together, in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.conf import settings

from payments import rates
from payments.rates import Rate

T = TypeVar("T")

KIND: Final = "search"


class TooOften(Exception):
    """So many looks came from one network that it waits for the rest of the minute."""

    def __init__(self, rate: Rate) -> None:
        super().__init__(f"at most {rate.most} searches a minute; wait {rate.retry_seconds} s")
        self.rate = rate


def take_turn(origin: str) -> None:
    """Count a look; refuse it when too many came from the same network. Unknown ones pass."""
    if not origin:
        return
    rate = rates.take(KIND, origin, settings.SEARCHES_PER_MINUTE)
    if not rate.allows:
        raise TooOften(rate)


def in_turn(origin: str, look: Callable[..., T], *given: Any) -> T:
    """A look that is counted first."""
    take_turn(origin)
    return look(*given)
