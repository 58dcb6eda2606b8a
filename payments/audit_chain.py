"""The audit log as a chain of hashes: what an entry's hash covers, and what breaks the chain.

Plain values in, findings out, so that a copy of the log is checked like the log itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from payments.canonical import NotCanonical, canonical

START: Final = bytes(32)  # what the first entry names as the hash before it


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is written, read and exported."""

    sequence: int
    at: str
    actor: str
    act: str
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    why: str
    previous: str
    hash: str = ""

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Read an exported line; what is no entry raises TypeError."""
        if not isinstance(document, dict) or not isinstance(document.get("sequence"), int):
            raise TypeError("no entry of an audit log")
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Head:
    """Up to where the log goes: the last entry's number and hash."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @property
    def mark(self) -> int:
        """The hash's beginning, as much of it as fits into a number of a graph exactly."""
        return int(self.hash[:12], 16)


EMPTY: Final = Head(0, START.hex())


def digest(entry: Entry) -> str:
    """The hash that an entry must have: of all it says, and of the hash before it."""
    said = entry.to_json()
    del said["hash"]
    return hashlib.sha256(canonical(said)).hexdigest()


def written(at: datetime) -> str:
    """A time as the hash covers it: UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def faults(
    entries: Iterable[Entry],
    head: Head | None,
    witnesses: Iterable[Head] = (),
    *,
    after: Head = EMPTY,
) -> Iterator[str]:
    """Everything that shows that somebody was at the log, in words; nothing where it is whole.

    A witness is a head that was written down elsewhere, as in a backup's manifest. A copy of the
    log has no head of its own. A part of the log begins `after` an entry.
    """
    seen = {each.sequence: each.hash for each in witnesses if each.sequence}
    last = after
    for entry in entries:
        yield from _broken(entry, last)
        noted = seen.pop(entry.sequence, entry.hash)
        if noted != entry.hash:
            yield f"entry {entry.sequence} is not the one that was written down elsewhere"
        last = Head(entry.sequence, entry.hash)
    if head is not None and head.sequence > last.sequence:
        yield f"{_span(last.sequence + 1, head.sequence)} missing at the end"
    elif head is not None and head != last:
        yield f"the head names entry {head.sequence}, and the log ends otherwise"
    for sequence in sorted(seen):
        yield f"entry {sequence} was written down elsewhere, and is not here"


def _broken(entry: Entry, last: Head) -> Iterator[str]:
    expected = last.sequence + 1
    if entry.sequence > expected:
        yield f"{_span(expected, entry.sequence - 1)} missing"
    elif entry.sequence < expected:
        yield f"entry {entry.sequence} stands where entry {expected} belongs"
    elif entry.previous != last.hash:
        yield f"entry {entry.sequence} does not follow on entry {last.sequence}"
    try:
        right = digest(entry)
    except NotCanonical:
        right = ""
    if entry.hash != right:
        yield f"entry {entry.sequence} was changed"


def _span(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
