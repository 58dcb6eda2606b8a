"""Addresses the operator does not deal with: one a line in a file, read again when it changes."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from payments.x402.networks import address_bytes

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 1.0


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

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._path is None or now - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        self._looked_at = now
        try:
            facts = self._path.stat()
            if (facts.st_mtime, facts.st_size) == self._read_from:
                return
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            log.error(
                "SOUK_DENY_ADDRESSES cannot be read (%s): the last list stays", error.strerror
            )
            return
        self._denied = frozenset(self._addresses(lines))
        self._read_from = (facts.st_mtime, facts.st_size)

    def _addresses(self, lines: list[str]) -> list[bytes]:
        found: list[bytes] = []
        for number, line in enumerate(lines, start=1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            try:
                found.append(address_bytes(text))
            except ValueError:
                log.error("SOUK_DENY_ADDRESSES line %s is not an address: skipped", number)
        return found
