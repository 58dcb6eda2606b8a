"""Pages asked in one process, as often as a figure needs: what the measurements of pages share."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import django


def open_site() -> None:
    """Django on the database of DATABASE_URL, with its tables, asked by the test's own client."""
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    call_command("migrate", verbosity=0)


def made_listings(slug: str, count: int) -> tuple[Any, list[Any]]:
    """A seller's id with so many listings, all of them or none."""
    from django.db import transaction

    from sellers.models import Listing, Seller

    with transaction.atomic():
        seller = Seller.objects.create(slug=slug, name=slug.title())
        made = [
            Listing.objects.create(seller=seller, slug=f"listing-{number}").pk
            for number in range(count)
        ]
    return seller.pk, made


def signed_in_figures(user: Any, addresses: Mapping[str, str], turns: int) -> dict[str, float]:
    """How long somebody waits for their pages; the first quarter of the turns only warms up."""
    from django.test import Client

    client = Client()
    client.force_login(user)
    found: dict[str, float] = {}
    for name, address in addresses.items():
        found |= figures(name, [once(client, address) for _ in range(turns)][turns // 4 :])
    return found


def figures(name: str, taken: Sequence[float]) -> dict[str, float]:
    return {
        f"{name}, p50 ms": statistics.median(taken),
        f"{name}, p95 ms": statistics.quantiles(taken, n=20)[-1],
    }


def once(client: Any, address: str, status: int = 200, **headers: str) -> float:
    """The milliseconds from a request to its response."""
    started = time.perf_counter()
    response = client.get(address, headers=headers)
    seconds = time.perf_counter() - started
    assert response.status_code == status, response.status_code
    return seconds * 1_000


def tell(found: Mapping[str, float]) -> None:
    sys.stdout.write(json.dumps(found))
