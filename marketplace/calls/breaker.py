"""Stops selling a listing whose upstream keeps failing, and tries it again after a pause."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

LISTINGS_REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Shut:
    """A listing that is not sold, or sold to one call at a time after its pause."""

    listing: str
    since: float  # monotonic seconds, as `until`
    until: float
    failures: int
    why: str


@dataclass(slots=True)
class _Trouble:
    failures: int = 0
    open_until: float = 0.0  # monotonic seconds; 0 while failures are too few to open
    open_since: float = 0.0
    why: str = ""


class Breaker:
    """The breakers of all listings, in this process's memory.

    After `failures_to_open` failures in a row a listing is closed to buyers for
    `pause_seconds`. Then it is quoted again, and one paid call at a time is let through
    until one succeeds; each further failure starts the pause anew. A listing without
    recent trouble costs no memory.
    """

    def __init__(self, *, failures_to_open: int, pause_seconds: float) -> None:
        self._failures_to_open = failures_to_open
        self._pause_seconds = pause_seconds
        self._troubles: OrderedDict[str, _Trouble] = OrderedDict()

    def __contains__(self, listing: str) -> bool:
        """Whether a listing had trouble lately."""
        return listing in self._troubles

    def wait_seconds(self, listing: str, now: float) -> float:
        """Say how long this listing is not for sale; 0 means it may be quoted."""
        trouble = self._troubles.get(listing)
        return max(0.0, trouble.open_until - now) if trouble else 0.0

    def admit(self, listing: str, now: float) -> bool:
        """Let a paid call through, or not; after a pause the first one through is the trial."""
        trouble = self._troubles.get(listing)
        if trouble is None or not trouble.open_until:
            return True
        if now < trouble.open_until:
            return False
        # A trial that never reports back must not keep the listing closed for good.
        trouble.open_until = now + self._pause_seconds
        return True

    def succeeded(self, listing: str) -> None:
        """Forget a listing's trouble."""
        self._troubles.pop(listing, None)

    def failed(self, listing: str, now: float, why: str = "") -> None:
        """Count a failure of a listing's upstream, and open its breaker when it is one too many."""
        trouble = self._troubles.setdefault(listing, _Trouble())
        self._troubles.move_to_end(listing)
        trouble.failures += 1
        trouble.why = why
        if trouble.failures >= self._failures_to_open:
            trouble.open_since = trouble.open_since or now
            trouble.open_until = now + self._pause_seconds
        if len(self._troubles) > LISTINGS_REMEMBERED_MAX:
            self._troubles.popitem(last=False)

    def shut(self) -> Iterator[Shut]:
        """Say which listings are not sold freely, until a call of each succeeds."""
        for listing, trouble in self._troubles.items():
            if trouble.open_until:
                yield Shut(
                    listing, trouble.open_since, trouble.open_until, trouble.failures, trouble.why
                )
