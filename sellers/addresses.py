"""Addresses that people name: which may be called from here, and why another may not."""

from __future__ import annotations

from urllib.parse import urlsplit

from yarl import URL

from payments.egress import EgressRefused
from sellers.refusals import bad
from sellers.site import Site

URL_CHARACTERS_MAX = 2_000


def callable_url(text: str, site: Site) -> str:
    """An address that may be called from here, or a refusal with the reason."""
    text = text.strip()
    if not text or len(text) > URL_CHARACTERS_MAX:
        raise bad("url", f"an address of 1 to {URL_CHARACTERS_MAX} characters")
    vetted(text, site)
    return text


def vetted(url: str, site: Site, field: str = "url") -> URL:
    """The address as outbound calls take it, or a refusal with the reason."""
    try:
        return site.egress.vet(url)
    except EgressRefused as refused:
        raise bad(field, refused.reason) from refused


def same_host(one: str, other: str) -> bool:
    """Whether two addresses lead to the same host and port, by the same scheme."""
    try:
        parts, others = urlsplit(one.strip()), urlsplit(other.strip())
    except ValueError:  # half an IPv6 address, as somebody types it
        return False
    return bool(parts.netloc) and parts[:2] == others[:2]
