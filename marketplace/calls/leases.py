"""The signs of life of what this process does for buyers: should it die, others take over."""

from __future__ import annotations

from uuid import UUID
from weakref import WeakValueDictionary


class Leases:
    """Whose lease is renewed: every one that somebody still has in hand."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[UUID, Lease] = WeakValueDictionary()

    def take(self, payment_id: UUID, attempt: int) -> Lease:
        lease = self._held[payment_id] = Lease(self, payment_id, attempt)
        return lease

    def end(self, lease: Lease) -> None:
        """Its own alone: whoever lost it may have a successor here, who is still at work."""
        if self._held.get(lease.payment_id) is lease:
            del self._held[lease.payment_id]

    @property
    def attempts(self) -> dict[UUID, int]:
        return {payment_id: lease.attempt for payment_id, lease in list(self._held.items())}


class Lease:
    """One attempt's: until its work is over, and then until its answer is out of our hands."""

    __slots__ = ("__weakref__", "_leases", "attempt", "payment_id")

    def __init__(self, leases: Leases, payment_id: UUID, attempt: int) -> None:
        self._leases = leases
        self.payment_id = payment_id
        self.attempt = attempt

    def end(self) -> None:
        self._leases.end(self)
