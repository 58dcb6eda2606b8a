"""Programs that run in a page: which of them may speak to the server, and what theirs lets them.

The server reads no cookie, so a page gets nothing through its visitor's browser that it would not
get by itself; where the public can reach the server, every page may. A marketplace on a visitor's
own machine or network is out of a page's reach otherwise: there, only its own pages may.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from yarl import URL

from marketplace.calls.http import Headers

_READABLE: Final[Headers] = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"MCP-Protocol-Version, Mcp-Session-Id, WWW-Authenticate, Retry-After, Date",
    ),
)
# The star covers what listings forward, and works because no credential of the browser's does.
_ALLOWED: Final[Headers] = (
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, *",
    ),
    (b"access-control-max-age", b"86400"),
)


def may_ask(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request with these headers comes from no page, or from one that may."""
    if b"origin" not in headers or _is_public(settings.PUBLIC_BASE_URL):
        return True
    own = _origins(settings.PUBLIC_BASE_URL, settings.CALL_BASE_URL)
    return headers[b"origin"].decode("latin-1") in own


def readable() -> Headers:
    """What lets a page read an answer."""
    return _READABLE if _is_public(settings.PUBLIC_BASE_URL) else ()


def preflight() -> Headers:
    """What a browser wants to know before it lets a page ask."""
    return (*_READABLE, *_ALLOWED) if _is_public(settings.PUBLIC_BASE_URL) else ()


@lru_cache(maxsize=8)
def _is_public(base_url: str) -> bool:
    """False for an address of one machine or of a private network."""
    host = URL(base_url).host or ""
    try:
        return ip_address(host).is_global
    except ValueError:
        return host != "localhost" and not host.endswith((".localhost", ".local"))


@lru_cache(maxsize=8)
def _origins(*addresses: str) -> frozenset[str]:
    """Where our own pages come from."""
    return frozenset(str(URL(address).origin()) for address in addresses)
