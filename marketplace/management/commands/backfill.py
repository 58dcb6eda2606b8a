"""Sums, figures and the catalog made anew from the rows they are made of."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from marketplace.management.backfills import BACKFILLS
from marketplace.management.manners import alone, rehearses, speaks_json, tell
from sellers.models import Seller


class Command(BaseCommand):
    help = (
        "Make anew what the worker keeps by itself: this is for after a restore, or when you do"
        " not trust it. earnings: the sums, from the payments; stats: the catalog's figures of"
        " each listing, from sums and calls; search: the rows by which listings are found. It goes"
        " seller by seller, in the order of their names, and holds no call up. Stop it at any time:"
        " --from takes it up where the last line says."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=tuple(BACKFILLS))
        rehearses(parser)
        speaks_json(parser)
        parser.add_argument("--seller", help="one seller only, by the address's first part")
        parser.add_argument("--from", dest="first", help="begin at this seller")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json, dry = options["json"], options["dry_run"]
        sellers = _chosen(options["seller"], options["first"])
        backfill, counted = BACKFILLS[options["what"]]
        if dry:
            with closing(backfill(sellers)) as steps:
                chosen, _ = next(steps)
            words = [f"{len(chosen)} seller(s) would be gone through; nothing was changed."]
            document = {"sellers": len(chosen), counted: 0, "dry_run": dry}
            tell(self.stdout, document, words, as_json=as_json)
            return
        with alone("backfill"):
            document = self._go_through(options["what"], sellers, quiet=as_json)
        tell(self.stdout, document, (), as_json=as_json)

    def _go_through(self, what: str, sellers: QuerySet[Seller], *, quiet: bool) -> dict[str, Any]:
        backfill, counted = BACKFILLS[what]
        started, made, chosen = time.monotonic(), 0, list[Seller]()
        for number, (found, more) in enumerate(backfill(sellers)):
            chosen, made = list(found), made + more
            if number and not quiet:
                seconds = max(time.monotonic() - started, 0.001)
                left = round((len(chosen) - number) * seconds / number)
                self.stdout.write(
                    f"{number} of {len(chosen)} sellers, {made} {counted}, {made / seconds:.0f}"
                    f" a second, about {left} s to go; that was {chosen[number - 1].slug}"
                )
        return {"sellers": len(chosen), counted: made, "dry_run": False}


def _chosen(only: str | None, first: str | None) -> QuerySet[Seller]:
    for slug in filter(None, (only, first)):
        if not Seller.objects.filter(slug=slug).exists():
            raise CommandError(f"There is no seller {slug}.")
    sellers = Seller.objects.order_by("slug")
    if only:
        sellers = sellers.filter(slug=only)
    return sellers.filter(slug__gte=first) if first else sellers
