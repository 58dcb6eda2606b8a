"""Amounts as people read them: the token's own units, and dollars beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from payments.x402.networks import DEFAULT_ASSETS, NETWORKS, Asset

_KNOWN = {(asset.network, asset.address.lower()): asset for asset in DEFAULT_ASSETS}
_SMALLEST_DOLLARS = Decimal("0.0001")


def token(network: str, address: str) -> Asset | None:
    """What we know of a token; None when it is none that buyers' programs know."""
    return _KNOWN.get((network, address.lower()))


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of a token. Of a token we do not know, only the atomic units can be said."""

    atomic: int
    asset: str
    symbol: str | None
    decimals: int | None
    network: str = ""

    @classmethod
    def of(cls, network: str, asset: str, atomic: int) -> Amount:
        known = token(network, asset)
        if known is None:
            return cls(atomic, asset, None, None, network)
        return cls(atomic, asset, known.symbol, known.decimals, network)

    def __abs__(self) -> Amount:
        return replace(self, atomic=abs(self.atomic))

    @property
    def text(self) -> str:
        """Exact, never scientific: "0.002 USDC"."""
        if self.decimals is None:
            return f"{self.atomic} units of {self.asset}"
        return f"{_plain(self.whole)} {self.symbol}"

    @property
    def dollars(self) -> str:
        """Every token we know is a dollar; a tiny amount is said to be tiny, not zero."""
        if self.decimals is None:
            return ""
        if 0 < self.whole < _SMALLEST_DOLLARS:
            return "< $0.0001"
        return f"${_plain(self.whole, at_least=2)}"

    @property
    def whole(self) -> Decimal:
        """In whole tokens; in atomic units where nobody says how many make one."""
        return Decimal(f"{self.atomic}e-{self.decimals or 0}")

    @property
    def kind(self) -> str:
        """What it is an amount of, and where: "USDC on Base Sepolia (test network)"."""
        symbol, network = self.symbol or "base units", NETWORKS.get(self.network)
        if network is None:
            return f"{symbol} on {self.network}" if self.network else symbol
        return f"{symbol} on {network.name}{' (test network)' if network.testnet else ''}"


def grouped(text: str) -> str:
    """Write the thousands of a number apart: "$1,234.50". The digits after the point stay."""
    number, space, rest = text.partition(" ")
    whole, point, fraction = number.partition(".")
    digits = whole.lstrip("$")
    if not digits.isdigit():
        return text
    return f"{whole[: len(whole) - len(digits)]}{int(digits):,}{point}{fraction}{space}{rest}"


def _plain(number: Decimal, *, at_least: int = 0) -> str:
    whole, _, fraction = f"{number:f}".partition(".")
    fraction = fraction.rstrip("0").ljust(at_least, "0")
    return f"{whole}.{fraction}" if fraction else whole
