"""The most that may be out and not yet paid: per payer, per listing, and in slices of the site.

Each token of each network is counted by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CapLimit:
    key: str
    limit_atomic: int
    on_trust_atomic: int = 0  # how much of it may leave before it is paid


PAYER_KEY = "payer:"
SPENT_KEY = "spent:"  # of a wallet whose owner limits it: what it spent in an hour, in a day


def payer_key(network: str, asset: str, payer: str) -> str:
    """Names the counter of what a payer has under way in one token."""
    return f"{PAYER_KEY}{payer}:{network}/{asset}"


@dataclass(frozen=True, slots=True)
class Trust:
    """The dearest call, and the most in dollars of a token, answered before they are paid."""

    price: Decimal
    payer: Decimal
    listing: Decimal
    site: Decimal


@dataclass(frozen=True, slots=True)
class Exposure:
    """The most, in dollars of a token, that may be unsettled per payer, per listing and site."""

    payer: Decimal
    listing: Decimal
    site: Decimal
    site_slices: int
    trust: Trust

    @property
    def price_max(self) -> Decimal:
        """The most that a call may cost, in dollars: a dearer one could never be claimed."""
        return min(self.payer, self.listing, self.site / self.site_slices)

    def caps(
        self,
        *,
        network: str,
        asset: str,
        decimals: int,
        payer: str,
        listing_id: UUID,
        amount: int,
        purse: int,
    ) -> tuple[CapLimit, ...]:
        """The counters of one payment; of a payer no more is under way than their purse holds."""
        unit = Decimal(10) ** decimals
        token = f"{network}/{asset}"
        slice_number = int.from_bytes(bytes.fromhex(payer[2:])[-4:], "big") % self.site_slices
        known, slices = self.trust, self.site_slices
        share = unit if amount <= known.price * unit else Decimal(0)  # a dearer call is held
        return (
            CapLimit(
                f"listing:{listing_id}:{token}",
                int(self.listing * unit),
                int(known.listing * share),
            ),
            CapLimit(
                payer_key(network, asset, payer),
                min(int(self.payer * unit), purse),
                int(known.payer * share),
            ),
            CapLimit(
                f"site:{slice_number}:{token}",
                int(self.site * unit) // slices,
                int(known.site * share) // slices,
            ),
        )
