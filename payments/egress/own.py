"""The names and addresses of this site, so that nobody can have it call itself."""

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from payments.egress.rule import Address


def own_addresses(named: Iterable[str] = ()) -> frozenset[Address]:
    """List this machine's addresses, and those of what is named that are written as addresses."""
    written = (_address_in(each) for each in named)
    return frozenset(
        {
            *_addresses_towards_the_world(),
            *_addresses_known_to_linux(),
            *(each for each in written if each is not None),
        }
    )


def own_names(named: Iterable[str]) -> frozenset[str]:
    """List the host names among what is named, as a URL spells them.

    `localhost` is none of them: where it leads is loopback, which only an allowance opens.
    """
    hosts = (each.lower().rstrip(".") for each in named if _address_in(each) is None)
    return frozenset(each for each in hosts if each and each != "localhost")


def _address_in(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _addresses_towards_the_world() -> list[Address]:
    found: list[Address] = []
    for family, anywhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            # Connecting a datagram socket sends nothing; it only picks a route.
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((anywhere, 9))
                found.append(ip_address(probe.getsockname()[0]))
        except OSError:
            continue
    return found


def _addresses_known_to_linux() -> list[Address]:
    found: list[Address] = []
    trie, inet6 = Path("/proc/net/fib_trie"), Path("/proc/net/if_inet6")
    if trie.exists():
        local = re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie.read_text())
        found += [ip_address(text) for text in local]
    if inet6.exists():
        found += [IPv6Address(bytes.fromhex(line[:32])) for line in inet6.read_text().splitlines()]
    return found
