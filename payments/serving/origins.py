"""Where a request comes from, cut to its network: enough to count by, and too little to know who.

Behind a proxy it is the proxy that says, in the last entries of X-Forwarded-For: what a client
itself writes there stands further left.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network


def network_in(peer: str, forwarded: str, hops: int) -> str:
    """The network of whoever asks; nothing where that cannot be known, or is our own proxy."""
    claimed = peer
    if hops:
        said = forwarded.split(",")
        claimed = said[-hops].strip() if len(said) >= hops else ""
    try:
        address = ip_address(claimed)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback or (address.is_private and not hops):
        return ""  # it is our own proxy
    return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))
