"""Which private addresses may be called, and which public ones are our own."""

from __future__ import annotations

from ipaddress import ip_address

from marketplace.configuration.readers import read_list, wrong


def read_allowances(name: str, *, anywhere: bool) -> list[str]:
    """Private addresses that may be called; outside of development an operator says it twice."""
    allowances = read_list(name)
    if allowances:  # what parses them brings the HTTP client along, which commands can do without
        from payments.egress import parse_allowance

        for allowed in allowances:
            try:
                parse_allowance(allowed)
            except ValueError:
                expected = "NETWORK/BITS:PORT, such as 10.1.2.0/24:8443"
                raise wrong(name, allowed, expected) from None
    if allowances and not anywhere:
        expected = f"nothing when SOUK_DEBUG is off ({name}_IN_PRODUCTION=1 says you mean it)"
        raise wrong(name, ",".join(allowances), expected)
    return allowances


def read_addresses(name: str) -> list[str]:
    """Addresses of ours that no interface of this machine has."""
    addresses = read_list(name)
    for each in addresses:
        try:
            ip_address(each)
        except ValueError:
            raise wrong(name, each, "IP addresses such as 93.184.216.34, with commas") from None
    return addresses
