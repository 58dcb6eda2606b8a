"""Ids that sort by the time they were made: UUIDv7 (RFC 9562), made and read here.

Python has uuid.uuid7 only from 3.14 and PostgreSQL from 18; Souk runs on older ones.
"""

import os
import time
import uuid
from threading import Lock

_RANDOM_BITS = 74
# Ids of one millisecond lie a random step of up to 2^40 apart, so that nobody can name the next
# from the last.
_STEP_BYTES = 5

_lock = Lock()
_last = 0


def new_id() -> uuid.UUID:
    """Make an id that is unlike any other and sorts after every earlier one of this process."""
    global _last
    now_ms = time.time_ns() // 1_000_000
    fresh = now_ms << _RANDOM_BITS | int.from_bytes(os.urandom(10)) >> (80 - _RANDOM_BITS)
    with _lock:
        if fresh >> _RANDOM_BITS <= _last >> _RANDOM_BITS:
            # Same millisecond, or the clock was set back: count on from the last id. A carry
            # into the millisecond is harmless; RFC 9562 section 6.2 allows it.
            fresh = _last + 1 + int.from_bytes(os.urandom(_STEP_BYTES))
        _last = fresh
    return _as_uuid7(fresh)


def read_id(text: str) -> uuid.UUID | None:
    """An id in its one spelling, or None."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def first_id(unix: float) -> uuid.UUID:
    """Sorts before every id that was made from this time on."""
    return _as_uuid7(int(unix * 1_000) << _RANDOM_BITS)


def _as_uuid7(ordered: int) -> uuid.UUID:
    head, low = ordered >> 62, ordered & (1 << 62) - 1
    milliseconds, middle = head >> 12, head & 0xFFF
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | middle << 64 | 0b10 << 62 | low)


def _forget() -> None:
    global _last, _lock
    _last, _lock = 0, Lock()


# A forked child must not count on from its parent's last id, nor inherit a held lock.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
