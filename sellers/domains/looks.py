"""Looks at sellers' domains when their time has come, or when somebody waits for one at a page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from payments.egress import open_client
from sellers.domains.files import File, Trouble, fetched
from sellers.domains.findings import record
from sellers.jobs import due_rows
from sellers.jobs.turns import goes_on
from sellers.models import Domain
from sellers.site import Site

AT_ONCE: Final = 20
RUN_MAX: Final = 100  # in one ring of the bell
LEASE_SECONDS: Final = 60  # longer than a look; then its worker is gone


def run(seller_id: UUID, site: Site) -> bool:
    """The look that a seller waits for, unless another worker has it."""
    row = _claim_one(seller_id)
    if row is None:
        return False
    _look_at([row], site)
    return True


def run_due(site: Site) -> int:
    """Look at what is due, so many at most; says at how many."""
    looked = 0
    while looked < RUN_MAX and goes_on() and (due := _claim()):
        _look_at(due, site)
        looked += len(due)
    return looked


def _claim() -> list[Domain]:
    return due_rows.take(
        Domain, "next_look_at", most=AT_ONCE, lease_seconds=LEASE_SECONDS, related=("seller",)
    )


def _claim_one(seller_id: UUID) -> Domain | None:
    is_free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=Now())
    due = Domain.objects.filter(is_free, pk=seller_id, next_look_at__lte=Now())
    if not due.update(claimed_until=timezone.now() + timedelta(seconds=LEASE_SECONDS)):
        return None
    return Domain.objects.filter(pk=seller_id).first()


def _look_at(rows: Sequence[Domain], site: Site) -> None:
    names = [row.name for row in rows]
    for row, found in zip(rows, asyncio.run(_all(names, site)), strict=True):
        record(row.pk, row.name, found)


async def _all(names: Sequence[str], site: Site) -> list[File | Trouble]:
    async with open_client(site.egress) as client:
        return await asyncio.gather(*(fetched(client, name, site) for name in names))
