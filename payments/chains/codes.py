"""Which addresses have code, remembered for a moment.

Code at an address can come and go (EIP-7702), so a memory only ever chooses how a simulation
travels; whoever decides with whom a payment is sent has it simulated afresh.
"""

from time import monotonic

from payments.chains.answers import Question, data

KEEP_SECONDS = 30.0
ADDRESSES_MAX = 20_000


def code_at(address: str) -> Question[bytes]:
    """Ask for the code at an address."""
    return Question("eth_getCode", (address, "latest"), data)


class CodeMemory:
    """A bounded memory of which addresses had code a moment ago."""

    def __init__(
        self, keep_seconds: float = KEEP_SECONDS, addresses_max: int = ADDRESSES_MAX
    ) -> None:
        self._keep_seconds = keep_seconds
        self._addresses_max = addresses_max
        self._seen: dict[str, tuple[bool, float]] = {}

    def recall(self, address: str) -> bool | None:
        """Say whether the address had code, or None when that is not known or too long ago."""
        has_code, until = self._seen.get(address.lower(), (False, 0.0))
        return has_code if monotonic() < until else None

    def note(self, address: str, has_code: bool) -> None:
        """Remember an answer, at the cost of the oldest one when the memory is full."""
        key = address.lower()
        self._seen.pop(key, None)
        if len(self._seen) >= self._addresses_max:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = (has_code, monotonic() + self._keep_seconds)
