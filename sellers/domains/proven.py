"""The domain that everybody is shown beside a seller's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sellers.models import Domain, Seller


@dataclass(frozen=True, slots=True)
class ProvenDomain:
    """A domain that a seller has shown to be theirs, and since when."""

    name: str
    verified_at: datetime


def proven_domain(seller: Seller) -> ProvenDomain | None:
    """A seller's domain, where it is proven."""
    proven = Domain.objects.filter(pk=seller.pk, verified_at__isnull=False)
    row = proven.values_list("name", "verified_at").first()
    return ProvenDomain(row[0], row[1]) if row and row[1] else None
