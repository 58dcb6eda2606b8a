"""Addresses the operator does not deal with: one a line in a file, read again when it changes."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from payments.x402.networks import address_bytes

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 1.0


class ListUnread(Exception):
    """The list cannot be read as it stands; says what is wrong with it."""


class DenyList:
    """Refuses payers and payout addresses before anything is claimed."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._denied: frozenset[bytes] = frozenset()
        self._read_from: tuple[float, int] | None = None
        self._looked_at = -LOOK_AGAIN_SECONDS

    def __contains__(self, address: str) -> bool:
        self._refresh()
        return address_bytes(address) in self._denied

    def insist(self) -> int:
        """Read all of it, and say how many it names: a list that was never read denies nobody."""
        if self._path is None:
            return 0
        try:
            odd = self._read(self._path)
        except (OSError, UnicodeError) as error:
            raise ListUnread(f"SOUK_DENY_ADDRESSES: {self._path} {_why(error)}") from None
        if odd:
            raise ListUnread(
                f"SOUK_DENY_ADDRESSES: line {odd[0]} of {self._path} is not an address"
                " (0x and 40 hexadecimal digits; # begins a comment)"
            )
        return len(self._denied)

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._path is None or now - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        self._looked_at = now
        try:
            facts = self._path.stat()
            if (facts.st_mtime, facts.st_size) == self._read_from:
                return
            odd = self._read(self._path)
        except (OSError, UnicodeError) as error:
            log.error("SOUK_DENY_ADDRESSES %s: the last list stays", _why(error))
            return
        for number in odd:
            log.error("SOUK_DENY_ADDRESSES line %s is not an address: skipped", number)

    def _read(self, path: Path) -> list[int]:
        """Take the list over as it stands; gives the lines that are no address."""
        facts = path.stat()
        lines = path.read_text(encoding="utf-8").splitlines()
        found: list[bytes] = []
        odd: list[int] = []
        for number, line in enumerate(lines, start=1):
            text = line.partition("#")[0].strip()
            try:
                found += [address_bytes(text)] if text else []
            except ValueError:
                odd.append(number)
        self._denied = frozenset(found)
        self._read_from = (facts.st_mtime, facts.st_size)
        return odd


def _why(error: OSError | UnicodeError) -> str:
    why = error.strerror if isinstance(error, OSError) else "it is no text"
    return f"cannot be read ({why})"
