"""How far the chain was searched in vain for the ends of payments."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

REMEMBERED_MAX = 50_000


class Searched:
    """What need not be searched again; if it is lost, all of it is searched once more."""

    def __init__(self) -> None:
        self._up_to: dict[UUID, int] = {}

    def first_block(self, payment_id: UUID, earliest: int) -> int:
        """Where the search for this one goes on."""
        return max(earliest, self._up_to.get(payment_id, -1) + 1)

    def note(self, payments: Iterable[UUID], block: int) -> None:
        """Nothing is known of these up to this block, which no reorg takes back."""
        for payment_id in payments:
            self._up_to[payment_id] = max(block, self._up_to.pop(payment_id, 0))
        while len(self._up_to) > REMEMBERED_MAX:
            del self._up_to[next(iter(self._up_to))]
