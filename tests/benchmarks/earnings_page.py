"""Run as `python -m tests.benchmarks.earnings_page`: how long the earnings page takes to make.

Its database is in DATABASE_URL; a set that is not there is made first. Prints JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import django

TURNS = 40
ADDRESSES = {
    "first view": "/sell/earnings/",
    "all time": "/sell/earnings/?period=all",
    "one state": "/sell/earnings/?state=paid_unanswered&period=90d",
}


def main() -> int:
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    from sellers.directory import give_to
    from tests.benchmarks import million_sales

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    call_command("migrate", verbosity=0)
    rate = 0.0
    user = User.objects.filter(username=million_sales.SELLER).first()
    if user is None:  # who stands for a set that is whole
        rate = make()
        user = User.objects.create_user(million_sales.SELLER)
        give_to(million_sales.SELLER, user)
    client = Client()
    client.force_login(user)
    found: dict[str, float] = {"counted, payments/s": rate} if rate else {}
    for name, address in ADDRESSES.items():
        taken = [once(client, address) for _ in range(TURNS)][TURNS // 4 :]
        found[f"{name}, p50 ms"] = statistics.median(taken)
        found[f"{name}, p95 ms"] = statistics.quantiles(taken, n=20)[-1]
    sys.stdout.write(json.dumps(found))
    return 0


def make() -> float:
    """The set: a seller, listings, a million payments, and their sums."""
    from django.conf import settings
    from django.db import transaction

    from sellers.models import Listing, Seller
    from tests.benchmarks import million_sales
    from tests.fixtures.cast import Cast

    with transaction.atomic():
        seller = Seller.objects.create(slug=million_sales.SELLER, name="Million")
        listings = [
            Listing.objects.create(seller=seller, slug=f"listing-{number}").pk
            for number in range(million_sales.LISTINGS)
        ]
    million_sales.fill(settings.DATABASE_URL, seller.pk, listings, Cast.seller.address)
    return million_sales.count(settings.DATABASE_URL)


def once(client: object, address: str) -> float:
    started = time.perf_counter()
    response = client.get(address)  # type: ignore[attr-defined]
    seconds = time.perf_counter() - started
    assert response.status_code == 200, response.status_code
    return seconds * 1_000


if __name__ == "__main__":
    sys.exit(main())
