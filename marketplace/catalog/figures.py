"""The figures of a listing and of a seller, in words a buyer understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.catalog.standing import percent
from sellers.market.goods import Good
from sellers.market.quality import Quality


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured: in words, or the time at which it was."""

    name: str
    said: str = "never"
    at: datetime | None = None


def listing_figures(quality: Quality) -> list[Figure]:
    """What is to be known of one listing beside its numbers; nothing where nobody has bought or
    looked yet."""
    seen = (quality.last_called_at, quality.last_verified_at, quality.success_30d)
    if all(each is None for each in seen):
        return []
    found = []
    if quality.payers_30d > 1 and quality.top_payer_share > 0:
        found.append(Figure("The biggest buyer’s part", percent(quality.top_payer_share)))
    if quality.self_paid:
        found.append(Figure("Own calls", "The seller’s own wallet has called; it does not count."))
    found.append(Figure("Last bought", at=quality.last_called_at))
    found.append(Figure("Last checked by us, and well", "not yet", quality.last_verified_at))
    return found


def seller_figures(sold: Sequence[Good]) -> list[Figure]:
    """How a seller's listings do together."""
    called = [good.quality.last_called_at for good in sold if good.quality.last_called_at]
    return [
        Figure("Calls", f"{sum(good.quality.calls_30d for good in sold):,}"),
        Figure("Services", f"{len(sold):,}"),
        Figure("Last bought", at=max(called, default=None)),
    ]
