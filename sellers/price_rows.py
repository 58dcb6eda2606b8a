"""Open prices as a statement brings them along with the revision they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypedDict
from uuid import UUID

from sellers.terms import PriceTerms

# All that a select finds in payments_openoffer, as one list of `StoredPrice`. The amount is a text:
# it has more digits than numbers of JSON keep.
PRICES: Final = """jsonb_agg(jsonb_build_object(
                       'id', id, 'network', network, 'scheme', scheme, 'asset', asset,
                       'pay_to', pay_to, 'amount_atomic', amount_atomic::text))"""


class StoredPrice(TypedDict):
    """One of the list."""

    id: str
    network: str
    scheme: str
    asset: str
    pay_to: str
    amount_atomic: str


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price as `sellers.offers.quote` takes it."""

    id: UUID
    network: str
    scheme: str
    asset: str
    pay_to: str
    amount_atomic: int

    @staticmethod
    def of(stored: StoredPrice) -> PriceRow:
        """An open price, as it was read."""
        return PriceRow(
            id=UUID(stored["id"]),
            network=stored["network"],
            scheme=stored["scheme"],
            asset=stored["asset"],
            pay_to=stored["pay_to"],
            amount_atomic=int(stored["amount_atomic"]),
        )

    @staticmethod
    def as_if_open(price: PriceTerms) -> PriceRow:
        """A price that is quoted by the very function that sells, and only quoted."""
        nobody = UUID(int=0)  # no claim finds an offer by this id
        return PriceRow(
            nobody, price.network, price.scheme, price.asset, price.pay_to, price.amount_atomic
        )
