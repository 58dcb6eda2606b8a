"""Sums made anew from the rows they are made of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments import earnings, wiring
from sellers.models import Seller

WHAT = ("earnings",)


class Command(BaseCommand):
    help = (
        "Make sums anew from the payments. The worker keeps them by itself: this is for after a"
        " restore, or when you do not trust them. It goes seller by seller, may be stopped at any"
        " time, and holds no call up; the sums of the seller at hand wait for it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=WHAT)
        parser.add_argument("--seller", help="one seller only, by the address's first part")

    def handle(self, *args: Any, **options: Any) -> None:
        only = self._seller(options["seller"]) if options["seller"] else None
        asyncio.run(_earnings(only, self._say))

    def _seller(self, slug: str) -> UUID:
        seller = Seller.objects.filter(slug=slug).first()
        if seller is None:
            raise CommandError(f"There is no seller {slug}.")
        return seller.pk

    def _say(self, words: str) -> None:
        self.stdout.write(words)


async def _earnings(only: UUID | None, say: Callable[[str], None]) -> None:
    pool = await wiring.open_main_pool()
    started, counted = time.monotonic(), 0
    try:
        await earnings.begin(pool)
        sellers = [only] if only else await earnings.sellers_with_payments(pool)
        for number, seller_id in enumerate(sellers, 1):
            counted += await earnings.count_anew(pool, seller_id)
            rate = counted / max(time.monotonic() - started, 0.001)
            say(f"{number} of {len(sellers)} sellers, {counted} payments, {rate:.0f} a second")
    finally:
        await pool.close()
