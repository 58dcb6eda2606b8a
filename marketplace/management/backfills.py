"""What is made anew from the rows it came from, seller by seller: sums, figures, the catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Final, TypeAlias

from django.db.models import QuerySet

from payments import earnings
from payments.wiring.pools import open_main_pool
from sellers.market import figures
from sellers.models import Listing, Seller
from sellers.on_sale import shelving

Sellers: TypeAlias = QuerySet[Seller]
# Of whom there is something to make, and then after each of them how much of it was made.
Steps: TypeAlias = Generator[tuple[Sequence[Seller], int], None, None]
Backfill: TypeAlias = Callable[[Sellers], Steps]


def _earnings(sellers: Sellers) -> Steps:
    """The sums of what was earned and spent; payments that were counted."""
    with asyncio.Runner() as runner:
        pool = runner.run(open_main_pool())
        try:
            runner.run(earnings.begin(pool))
            sold = runner.run(earnings.sellers_with_payments(pool))
            chosen = list(sellers.filter(pk__in=sold))
            yield chosen, 0
            for seller in chosen:
                yield chosen, runner.run(earnings.count_anew(pool, seller.pk))
        finally:
            runner.run(pool.close())


def _stats(sellers: Sellers) -> Steps:
    """What the catalog says of calls, buyers, speed and quality; listings it says it of."""
    chosen = _selling(sellers)
    yield chosen, 0
    for seller in chosen:
        yield chosen, figures.make_anew(seller.pk)


def _search(sellers: Sellers) -> Steps:
    """The catalog's own rows, by which listings are found; listings that were entered."""
    chosen = _selling(sellers)
    yield chosen, 0
    for seller in chosen:
        listings = Listing.objects.filter(seller=seller, state=Listing.State.LIVE).order_by("pk")
        ids = list(listings.values_list("pk", flat=True))
        for listing_id in ids:
            shelving.enter_again(listing_id)
        yield chosen, len(ids)


def _selling(sellers: Sellers) -> list[Seller]:
    return list(sellers.filter(listings__state=Listing.State.LIVE).distinct())


BACKFILLS: Final[dict[str, tuple[Backfill, str]]] = {
    "earnings": (_earnings, "payments"),
    "stats": (_stats, "listings"),
    "search": (_search, "listings"),
}
