"""Stops selling a listing whose upstream keeps failing, and tries it again after a pause."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

LISTINGS_REMEMBERED_MAX = 10_000
TRIERS_REMEMBERED_MAX = 100  # of one listing, until a call succeeds
_STRANGERS = ""  # whom all failures of unproven payers stand under: wallets cost nothing


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
    blamed_by: Counter[str] = field(default_factory=Counter)  # failures of each, until it opens
    tried: dict[str, None] = field(default_factory=dict)  # who took a trial, the first one first
    trier: str = ""  # whose trial is under way
    is_triers_first: bool = False


class Breaker:
    """The breakers of all listings, in this process's memory.

    A listing is closed to buyers for `pause_seconds` when calls of `payers_to_open` payers
    failed, or `failures_to_open` of one, and none succeeded in between. A question that fails is
    free, so a payer speaks against a listing alone only when they are proven: when they have
    paid before, or upfront for this very call. All others count as one payer together.

    After the pause it is quoted again, and one paid call at a time is let through until one
    succeeds; a trial that fails starts the pause anew. Who has taken a trial comes after the
    others: only when nobody else asks for another pause. A listing without recent trouble costs
    no memory.
    """

    def __init__(self, *, failures_to_open: int, payers_to_open: int, pause_seconds: float) -> None:
        self._failures_to_open = failures_to_open
        self._payers_to_open = payers_to_open
        self._pause_seconds = pause_seconds
        self._troubles: OrderedDict[str, _Trouble] = OrderedDict()

    def __contains__(self, listing: str) -> bool:
        """Whether a listing had trouble lately."""
        return listing in self._troubles

    def wait_seconds(self, listing: str, now: float) -> float:
        """Say how long this listing is not for sale; 0 means it may be quoted."""
        trouble = self._troubles.get(listing)
        return max(0.0, trouble.open_until - now) if trouble else 0.0

    def admit(self, listing: str, payer: str, now: float) -> bool:
        """Let a paid call through, or not; after a pause the first one through is the trial."""
        trouble = self._troubles.get(listing)
        if trouble is None or not trouble.open_until:
            return True
        has_tried = payer in trouble.tried
        if now < trouble.open_until + (self._pause_seconds if has_tried else 0):
            return False
        trouble.tried[payer] = None
        if len(trouble.tried) > TRIERS_REMEMBERED_MAX:
            del trouble.tried[next(iter(trouble.tried))]
        trouble.trier, trouble.is_triers_first = payer, not has_tried
        # A trial that never reports back must not keep the listing closed for good.
        trouble.open_until = now + self._pause_seconds
        return True

    def give_back(self, listing: str, payer: str, now: float) -> None:
        """A call that was let through is not made after all: another may be the trial."""
        trouble = self._troubles.get(listing)
        if trouble is None or trouble.trier != payer:
            return
        trouble.trier = ""
        if trouble.is_triers_first:
            trouble.tried.pop(payer, None)
        trouble.open_until = now

    def succeeded(self, listing: str) -> None:
        """Forget a listing's trouble."""
        self._troubles.pop(listing, None)

    def failed(
        self, listing: str, payer: str, now: float, why: str = "", *, is_proven: bool
    ) -> None:
        """Count a failure of a listing's upstream, and open its breaker when it is one too many."""
        trouble = self._troubles.setdefault(listing, _Trouble())
        self._troubles.move_to_end(listing)
        trouble.failures += 1
        trouble.why = why
        if trouble.open_until:
            if payer == trouble.trier:  # calls that began before it was closed say nothing new
                trouble.trier = ""
                trouble.open_until = now + self._pause_seconds
        else:
            trouble.blamed_by[payer if is_proven else _STRANGERS] += 1
            if self._is_enough(trouble.blamed_by):
                trouble.open_since, trouble.open_until = now, now + self._pause_seconds
        if len(self._troubles) > LISTINGS_REMEMBERED_MAX:
            self._troubles.popitem(last=False)

    def _is_enough(self, blamed_by: Counter[str]) -> bool:
        if len(blamed_by) >= self._payers_to_open:
            return True
        return any(
            failures >= self._failures_to_open
            for payer, failures in blamed_by.items()
            if payer != _STRANGERS
        )

    def shut(self) -> Iterator[Shut]:
        """Say which listings are not sold freely, until a call of each succeeds."""
        for listing, trouble in self._troubles.items():
            if trouble.open_until:
                yield Shut(
                    listing, trouble.open_since, trouble.open_until, trouble.failures, trouble.why
                )
