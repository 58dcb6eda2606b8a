"""JSON in its one canonical spelling (JCS, RFC 8785), so that equal documents have equal bytes.

Written here because what we sign holds no floats, and number formatting is all that a library
would add: the standard encoder already escapes exactly as RFC 8785 section 3.2.2.2 asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

# Beyond this, readers that keep numbers as IEEE 754 doubles see another number (RFC 7493, 2.2).
WHOLE_NUMBER_MAX = 2**53 - 1


class NotCanonical(ValueError):
    """The value has no single spelling here: a float, a huge number, half a character."""


def canonical(document: Any) -> bytes:
    """Return the only bytes that this document is ever signed or hashed as."""
    try:
        return _ENCODER.encode(_ordered(document)).encode("utf-8")
    except UnicodeEncodeError:
        raise NotCanonical("text with half of a surrogate pair") from None


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in _in_order(value)}
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, list | tuple):
        return [_ordered(each) for each in value]
    if isinstance(value, int) and abs(value) <= WHOLE_NUMBER_MAX:
        return int(value)
    raise NotCanonical(f"a {type(value).__name__} cannot be signed: write it as text")


def _in_order(keys: Iterable[Any]) -> list[str]:
    """Sort by UTF-16 code units, not by code points (RFC 8785, 3.2.3); of ASCII they are one."""
    try:
        if all(map(str.isascii, keys)):
            return sorted(keys)
        return sorted(keys, key=lambda key: key.encode("utf-16-be"))
    except TypeError:
        raise NotCanonical("an object's keys must be text") from None


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
