"""Where one call of a listing goes: its upstream's address with a buyer's values filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from urllib.parse import quote, unquote, unquote_plus

from yarl import URL

from sellers.terms import PARAMETER


class UnsafeTarget(ValueError):
    """These parameters would lead the call out of the listing's own path."""


def target(
    url_template: str, path_values: Mapping[str, str], query: Sequence[tuple[str, str]]
) -> URL:
    """Fill a listing's address in: its scheme, host, port and prefix stay the seller's."""
    url = _filled(url_template, path_values) if "{" in url_template else _base(url_template)
    if not query:
        return url
    try:
        # yarl would leave half a surrogate pair out and send something nobody asked for.
        "".join(chain.from_iterable(query)).encode()
    except UnicodeEncodeError as wrong:
        raise UnsafeTarget("a query parameter is not Unicode text") from wrong
    return url.extend_query(query)


def fixed_names(url_template: str) -> frozenset[str]:
    """The query parameters that stand in a listing's own address, as its upstream reads them.

    Given by a buyer as well, they would come twice, and many upstreams take the last one.
    """
    query = url_template.partition("?")[2]
    # Some upstreams part a query at semicolons too.
    pieces = [*query.split("&"), *re.split("[&;]", query)]
    return frozenset(unquote_plus(piece.partition("=")[0]) for piece in pieces if piece)


@lru_cache(maxsize=4096)
def _base(url_template: str) -> URL:
    return URL(url_template)


def _filled(url_template: str, path_values: Mapping[str, str]) -> URL:
    authority_end = url_template.index("/", url_template.index("//") + 2)
    origin, path = url_template[:authority_end], url_template[authority_end:]
    if "{" in origin:
        raise UnsafeTarget("a host is never a parameter")
    filled = PARAMETER.sub(lambda name: _segment(path_values, name[1]), path)
    if any(_is_a_step(piece) for piece in filled.partition("?")[0].split("/")):
        raise UnsafeTarget("a path parameter may not be a step up the path")
    return URL(origin + filled, encoded=True)


def _segment(path_values: Mapping[str, str], name: str) -> str:
    value = path_values.get(name, "")
    if not value or not value.isprintable():
        raise UnsafeTarget(f"path parameter {name} is missing or holds control characters")
    return quote(value, safe="")


def _is_a_step(segment: str) -> bool:
    # Upstreams decode once, careless ones twice, and some read "..;x" as "..".
    decoded = unquote(unquote(segment))
    return any(piece.partition(";")[0] in (".", "..") for piece in re.split(r"[/\\]", decoded))
