"""Where a page ended, as a word that only the same query takes back."""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import orjson

from marketplace.catalog.queries import BadQuery, Query
from sellers.prices import is_short

START_ANEW = "leave it out to begin with the first page"


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: the key it was sorted by, and whose it is."""

    key: Any
    listing_id: UUID
    relaxed: bool = False  # a page of what has any of the words


def write_cursor(query: Query, position: Position) -> str:
    key = str(position.key) if isinstance(position.key, Decimal) else position.key
    said = orjson.dumps([_mark(query), key, str(position.listing_id)])
    return urlsafe_b64encode(said).decode().rstrip("=")


def read_cursor(query: Query) -> Position | None:
    """Where to go on; None at the start. What is not ours, or of another query, is refused."""
    if not query.cursor:
        return None
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        mark, key, listing_id = orjson.loads(urlsafe_b64decode(padded.encode("ascii")))
        relaxed = mark == _mark(replace(query, relaxed=True))
        if mark != _mark(query) and not relaxed:
            raise BadQuery(f"this cursor belongs to another query; {START_ANEW}")
        return Position(_key(query, key), UUID(listing_id), relaxed)
    except (ValueError, TypeError, AttributeError, binascii.Error, InvalidOperation):
        raise BadQuery(f"this cursor is none that the catalog gave; {START_ANEW}") from None


def _key(query: Query, key: Any) -> Any:
    """The key in the type of its sort; ValueError where it cannot be one."""
    if query.sort == "price":
        number = Decimal(key) if isinstance(key, str) else Decimal("nan")
        if not number.is_finite() or abs(number) > 10**18 or not is_short(number):
            raise ValueError("no price")
        return number
    ranked = query.sort == "relevance" and query.text
    wanted = (float, int) if ranked else (int,)
    least, most = (-(2**53), 1) if query.sort == "newest" else (-(2**31), 2**31)
    if isinstance(key, bool) or not isinstance(key, wanted) or not least < key < most:
        raise ValueError("no key")
    return key


def _mark(query: Query) -> str:
    """The same for every page of one query, however many a page holds."""
    asked = repr(replace(query, cursor="", limit=1))
    return hashlib.sha256(asked.encode()).hexdigest()[:12]
