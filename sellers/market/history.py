"""What a listing was sold on before, and who sells it: what a buyer may look up about both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from payments.x402.networks import address_bytes, checksum
from sellers.domains.proven import ProvenDomain, proven_domain
from sellers.models import Payout, Seller
from sellers.models.catalog import SoldRevision
from sellers.terms import PriceTerms

SHOWN_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Sold:
    """A revision, when it began to be sold, and what it cost then."""

    number: int
    hash: bytes
    at: datetime
    prices: tuple[PriceTerms, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """A seller as they say they are, and which of these wallets they have signed for."""

    slug: str
    name: str
    about: str
    website: str
    contact: str
    logo: str
    since: datetime
    proven: frozenset[str]
    domain: ProvenDomain | None


def sold(listing_id: UUID) -> tuple[Sold, ...]:
    """The revisions that were for sale, the newest first; one that came back is there again."""
    rows = (
        SoldRevision.objects.filter(listing_id=listing_id)
        .select_related("revision")
        .order_by("-at", "-pk")[:SHOWN_MAX]
    )
    return tuple(
        Sold(
            row.revision.number,
            bytes(row.revision.hash),
            row.at,
            tuple(PriceTerms.from_json(price) for price in row.revision.terms["prices"]),
        )
        for row in rows
    )


def identity(slug: str, wallets: Sequence[str]) -> Identity | None:
    """Who sells under this name."""
    seller = Seller.objects.filter(slug=slug).first()
    if seller is None:
        return None
    spelled = [checksum(address_bytes(wallet)) for wallet in wallets]
    proven = Payout.objects.filter(seller=seller, address__in=spelled, revoked_at__isnull=True)
    return Identity(
        slug=seller.slug,
        name=seller.name,
        about=seller.about,
        website=seller.website,
        contact=seller.contact,
        logo=seller.logo,
        since=seller.created_at,
        proven=frozenset(proven.values_list("address", flat=True)),
        domain=proven_domain(seller),
    )
