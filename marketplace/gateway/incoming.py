"""Reading what arrived at the door: its path, its headers, its query and, if needed, its body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from marketplace.calls.requests import Query, is_segment
from sellers.offers import PREVIEWS

RawHeaders: TypeAlias = Iterable[tuple[bytes, bytes]]

_NAMES: Final = {b"call": 2, b"preview": 1}  # the pieces that say what is called
PATH_BYTES_MAX: Final = 8_192
PATHS_REMEMBERED_MAX: Final = 1_024  # decoding one takes 2 µs of the 10 an unpaid request costs
QUERY_PAIRS_MAX: Final = 256
QUERIES_REMEMBERED_MAX: Final = 1_024
QUERY_BYTES_REMEMBERED_MAX: Final = 256  # old programs ask with one that is always the same
_SLUG: Final = re.compile(rb"[a-z0-9]+(?:-[a-z0-9]+)*")
_SLUG_BYTES_MAX: Final = 48
_TOKEN: Final = re.compile(rb"[A-Za-z0-9_-]{43}")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9a-fA-F]{2})")

PAYMENTS: Final = frozenset({b"payment-signature", b"x-payment"})
_CREDENTIALS: Final = PAYMENTS | {b"sign-in-with-x"}
_NOTED: Final = _CREDENTIALS | {
    b"accept",
    b"content-length",
    b"sec-fetch-dest",
    b"transfer-encoding",
    b"x-max-price",
    b"x-souk-fresh",
}
# What a body, a payment or a page that embeds comes with.
ATTACHING: Final = _CREDENTIALS | {b"content-length", b"sec-fetch-dest", b"transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Route:
    """Which listing a path names, and what follows it."""

    path: str  # "seller/slug", or a preview's own
    segments: tuple[str, ...]


@lru_cache(maxsize=PATHS_REMEMBERED_MAX)
def read_path(raw_path: bytes) -> Route | None:
    """Read `/call/<seller>/<listing>[/<path>]` or `/preview/<token>[/<path>]`; None for the rest.

    Each segment is decoded once and by itself, so that an encoded slash stays inside it. There
    is no second spelling: no empty segment, no step up the path, nothing that is not text.
    """
    head, call, *named = raw_path.split(b"/")
    if head or len(named) < _NAMES.get(call, inf) or len(raw_path) > PATH_BYTES_MAX:
        return None
    if b"%" in raw_path or not raw_path.isascii():
        if _BAD_ESCAPE.search(raw_path):
            return None
        named = [unquote_to_bytes(piece) for piece in named]
    path = _listing(*named[:2]) if call == b"call" else _preview(named[0])
    rest = named[_NAMES[call] :]
    if path is None:
        return None
    try:
        segments = tuple(piece.decode() for piece in rest)
    except UnicodeDecodeError:
        return None
    if not all(map(is_segment, segments)):
        return None
    return Route(path, segments)


def _listing(seller: bytes, listing: bytes) -> str | None:
    if not (_is_slug(seller) and _is_slug(listing)):
        return None
    return f"{seller.decode()}/{listing.decode()}"


def _preview(token: bytes) -> str | None:
    return PREVIEWS + token.decode() if _TOKEN.fullmatch(token) else None


def _is_slug(piece: bytes) -> bool:
    return len(piece) <= _SLUG_BYTES_MAX and _SLUG.fullmatch(piece) is not None


class HeadersTooLarge(Exception):
    """The request's headers are longer than this marketplace takes."""


class AmbiguousCredentials(Exception):
    """More than one payment is attached, or one under a name that only looks like the real one."""


def read_headers(headers: RawHeaders, *, bytes_max: int) -> dict[bytes, bytes]:
    """Keep the headers the door itself acts on, after checking that there is one reading of them.

    A credential may come once. Servers behind us may read an underscore as a hyphen, so a
    credential's name in that spelling is refused and not overlooked.
    """
    noted: dict[bytes, bytes] = {}
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if name in _NOTED:
            if name in noted and name in _CREDENTIALS:
                raise AmbiguousCredentials
            noted[name] = value
        elif b"_" in name and name.replace(b"_", b"-") in _CREDENTIALS:
            raise AmbiguousCredentials
    if size > bytes_max:
        raise HeadersTooLarge
    if noted.keys() >= PAYMENTS:
        raise AmbiguousCredentials
    return noted


def read_plain_headers(headers: RawHeaders, *, bytes_max: int) -> dict[bytes, bytes] | None:
    """The headers of a request that brings nothing; None for any that wants a closer look.

    What `read_headers` says of those it says, too, in half of the time.
    """
    pairs = tuple(headers)
    noted = dict(pairs)
    if len(noted) != len(pairs) or not ATTACHING.isdisjoint(noted):
        return None
    names = b"".join(noted)
    if b"_" in names or len(names) + len(b"".join(noted.values())) > bytes_max:
        return None
    return noted


class BadQuery(Exception):
    """The query is not a list of name=value pairs in UTF-8."""


def read_query(query_string: bytes) -> Query:
    """Decode a query into its pairs, in the order given."""
    if not query_string:
        return ()
    if len(query_string) > QUERY_BYTES_REMEMBERED_MAX:
        return _pairs(query_string)
    return _remembered_pairs(query_string)


def _pairs(query_string: bytes) -> Query:
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_PAIRS_MAX,
        )
    except ValueError:
        raise BadQuery from None
    return tuple(pairs)


_remembered_pairs = lru_cache(maxsize=QUERIES_REMEMBERED_MAX)(_pairs)


def asks_for_demo(query: Query) -> bool:
    """Tell whether the free sample is wanted: `?demo=true`."""
    return ("demo", "true") in query


def body_asks_for_demo(body: bytes) -> bool:
    """Tell the same of a body: a JSON object with `"demo": true` in it."""
    if b"demo" not in body:
        return False
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.get("demo") is True
