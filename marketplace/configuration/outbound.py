"""Which private addresses may be called."""

from __future__ import annotations

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
