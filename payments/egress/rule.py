"""Which addresses this machine may call on somebody else's behalf.

Sellers choose the hosts we call, so every outbound socket is a question somebody else
asked. A URL is vetted before it is called, and every address its host resolves to is
judged before a socket is opened towards it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HTTPS_PORT = 443

# `ipaddress.is_global` is not a policy: it passes NAT64, multicast and 168.63.129.16.
# The last three lines leave 2000::/3, the only block global unicast is given out from.
_DENIED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(cidr), words)
    for cidr, words in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local, cloud metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved, broadcast"),
        ("168.63.129.16/32", "cloud platform address"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4 inside IPv6"),
        ("::ffff:0:0/96", "IPv4 inside IPv6"),
        ("::ffff:0:0:0/96", "IPv4 inside IPv6"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "Teredo tunnel"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4 tunnel"),
        ("3fff::/20", "documentation"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("::/3", "not global unicast"),
        ("4000::/2", "not global unicast"),
        ("8000::/1", "not global unicast"),
    )
)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
# What the C library would read as a number: decimal, octal, hexadecimal, short forms.
_ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")


class Refusal(StrEnum):
    """Why a URL or an address may not be called; the words do not change."""

    BAD_URL = "bad_url"
    SCHEME = "scheme"
    USERINFO = "userinfo"
    HOST = "host"
    PORT = "port"
    ADDRESS = "address"


class EgressRefused(Exception):
    """This address may not be called from here; `reason` says why to whoever named it."""

    def __init__(self, code: Refusal, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Allowance:
    """One exception the operator wrote down: a network and a port, or every port (None)."""

    network: Network
    port: int | None

    def covers(self, address: Address, port: int) -> bool:
        return self.port in (None, port) and address in self.network

    def __str__(self) -> str:
        return f"{self.network}:{'*' if self.port is None else self.port}"


def parse_allowance(text: str) -> Allowance:
    """Read `127.0.0.0/8:9999`, `fd00::/8:443` or `10.1.2.0/24:*`."""
    cidr, _, port = text.strip().rpartition(":")
    if "/" not in cidr:
        raise ValueError(f"{text!r} is not NETWORK/BITS:PORT, for example 127.0.0.0/8:9999")
    try:
        network = ip_network(cidr)
    except ValueError as wrong:
        raise ValueError(f"{text!r}: {wrong}") from wrong
    if port == "*":
        return Allowance(network, None)
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"{text!r}: the port is a number from 1 to 65535, or *")
    return Allowance(network, int(port))


@dataclass(frozen=True, slots=True)
class EgressRule:
    """What may be called: public https on port 443, and what the operator allows beside it.

    An allowance opens a denied range only when it lies inside that range: `0.0.0.0/0:8443`
    opens a port of the public internet and nothing of the private one. Plain http is
    possible only towards an allowance, and never on port 443. Our own names are refused
    wherever they lead: behind a router or a load balancer no interface has our address.
    """

    allow: tuple[Allowance, ...] = ()
    own: frozenset[Address] = frozenset()
    own_names: frozenset[str] = frozenset()

    def vet(self, url: str | URL) -> URL:
        """Judge a URL before any look-up; the host's addresses are judged when it is called."""
        parsed = _parse(url)
        port, host = parsed.port, parsed.raw_host
        if parsed.scheme not in ("https", "http") or port is None:
            raise EgressRefused(Refusal.SCHEME, "Only https:// addresses can be called.")
        refuse_userinfo(parsed)
        if not host:
            raise EgressRefused(Refusal.HOST, "The address names no host.")
        opened = any(allowance.port in (None, port) for allowance in self.allow)
        if parsed.scheme == "http" and (port == HTTPS_PORT or not opened):
            raise EgressRefused(Refusal.SCHEME, "Only https:// addresses can be called.")
        if port != HTTPS_PORT and not opened:
            raise EgressRefused(Refusal.PORT, f"Port {port} cannot be called, only 443.")
        self._vet_host(host, port, is_opened=opened)
        return parsed

    def _vet_host(self, host: str, port: int, *, is_opened: bool) -> None:
        try:
            address = ip_address(host)
        except ValueError:
            if ":" in host or not _NAME.fullmatch(host) or _ENDS_IN_A_NUMBER.fullmatch(host):
                reason = f"{host!r} is neither a host name nor a plainly written IP address."
                raise EgressRefused(Refusal.HOST, reason) from None
            if host.rstrip(".") in self.own_names:
                raise EgressRefused(Refusal.HOST, f"{host!r} is this marketplace itself.") from None
            if "." not in host.rstrip(".") and not is_opened:
                # Only a network's own name server knows it; strangers need not learn of what.
                reason = f"{host!r} is no full host name; give one such as api.example.com."
                raise EgressRefused(Refusal.HOST, reason) from None
        else:
            self.judge(address, port)

    def judge(self, address: Address, port: int) -> None:
        """Let one resolved address pass, or raise."""
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            raise EgressRefused(Refusal.ADDRESS, f"{address} cannot be called: it names a zone.")
        openings = [each.network for each in self.allow if each.covers(address, port)]
        denied, words = self._denied(address)
        if denied is not None:
            if any(opening.subnet_of(denied) for opening in openings):  # type: ignore[arg-type]
                return
            raise EgressRefused(Refusal.ADDRESS, f"{address} cannot be called: {words}.")
        if port != HTTPS_PORT and not openings:
            raise EgressRefused(Refusal.PORT, f"Port {port} of {address} cannot be called.")

    def _denied(self, address: Address) -> tuple[Network | None, str]:
        for network, words in _DENIED:
            if address in network:
                return network, words
        if address in self.own:
            return ip_network(address), "it is this machine"
        return None, ""


def refuse_userinfo(url: URL) -> None:
    """Refuse a name or password in an address: it would travel as a header nobody listed."""
    if url.raw_user is not None or url.raw_password is not None:
        raise EgressRefused(Refusal.USERINFO, "A user name in the address is not allowed.")


def _parse(url: str | URL) -> URL:
    """Read a URL as the client that will call it reads it."""
    if isinstance(url, URL):
        return url
    if not url.isascii() or not url.isprintable() or " " in url:
        reason = "An address is plain ASCII; write other characters percent-encoded or as xn--."
        raise EgressRefused(Refusal.BAD_URL, reason)
    try:
        return URL(url)
    except ValueError as wrong:
        raise EgressRefused(Refusal.BAD_URL, f"Not an address: {wrong}") from wrong
