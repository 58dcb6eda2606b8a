"""Run as `python -m tests.benchmarks.catalog_page`: how long a search of the catalog takes.

Its database is in DATABASE_URL; a set that is not there is made first. Prints JSON.
"""

from __future__ import annotations

import statistics
import sys
from types import SimpleNamespace
from typing import Any

from tests.benchmarks.pages import figures, once, open_site, tell

LISTINGS = 100_000
TURNS = 12
MODEL = "acme/weather"
# What agents and people ask: a word, two, half a word, filters, and nothing at all.
SEARCHES = (
    "q=weather", "q=weather+forecast", "q=fore", "q=uncommon77", "q=city+flights&maxPrice=0.05",
    "", "category=data", "tag=rare7", "sort=price", "sort=newest&category=travel",
    "maxPrice=0.01", "network=eip155:84532&sort=volume", "q=deep+search&category=media",
    "seller=crowd-7",
)  # fmt: skip


def main() -> int:
    open_site()
    from django.test import Client

    fill()
    client = Client()
    found: dict[str, float] = {}
    taken: list[float] = []
    known: list[float] = []
    for query in SEARCHES:
        address = f"/api/catalog?{query}"
        etag = client.get(address)["ETag"]
        own = [once(client, address) for _ in range(TURNS)]
        found[f"{query or 'nothing'}, ms"] = round(statistics.median(own), 2)
        taken += own
        known += [once(client, address, 304, **{"if-none-match": etag}) for _ in range(TURNS)]
    tell(found | figures("search", taken) | figures("ETag hit", known))
    return 0


def fill() -> None:
    """The set: one listing, and so many like it."""
    from django.db import connection, transaction

    from sellers.models import CatalogEntry
    from sellers.site import this_site
    from tests.fixtures.storefront import Storefront
    from tests.marketplace.catalog.crowd import crowd

    if CatalogEntry.objects.count() >= LISTINGS:
        return
    with transaction.atomic():  # whole, or not there
        upstream: Any = SimpleNamespace(url="http://127.0.0.1:1")
        crowd(Storefront(this_site(), upstream).publish(MODEL, tags=["weather"]), LISTINGS)
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze")


if __name__ == "__main__":
    sys.exit(main())
