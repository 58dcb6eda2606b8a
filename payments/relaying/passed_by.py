"""Which blocks have come without a transaction of ours since it was first seen to wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from payments.chains import Block


@dataclass(slots=True)
class Waiting:
    """Counted in blocks, as no clock of ours is the chain's, and handing the same bytes over again
    says nothing of how long they have waited. What is lost here costs two blocks.
    """

    _since: dict[UUID, int] = field(default_factory=dict)

    def blocks_since(self, broadcast: UUID, head: Block) -> int:
        """How many have come since the first look that found it waiting."""
        return head.number - self._since.setdefault(broadcast, head.number)

    def forget_all_but(self, waiting: Iterable[UUID]) -> None:
        still = set(waiting)
        for broadcast in self._since.keys() - still:
            del self._since[broadcast]
